"""The explorer: the report's live part, the forward pass in the browser."""
