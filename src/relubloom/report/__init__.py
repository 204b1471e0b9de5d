"""Reports: one self-contained HTML page for a study or a run folder, read from its files.

Nothing is imported here, so that a single figure can be drawn without all that a page needs.
"""
