"""The explorer: the report's live part, the forward pass in the browser."""

from relubloom.report.explorer.embed import Explorer, embed

__all__ = ["Explorer", "embed"]
