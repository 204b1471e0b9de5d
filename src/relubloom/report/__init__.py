"""Reports: one self-contained HTML page for a study or a run folder, read from its files."""

from relubloom.report.page import write_report

__all__ = ["write_report"]
