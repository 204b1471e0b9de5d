"""The figures of a page, and the one chart that they are drawn with."""
