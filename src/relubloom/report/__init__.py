"""Reports: one self-contained HTML page for a study or a run folder, read from its files."""

from relubloom.report.page import write_report
from relubloom.report.width_section import SweepResults

__all__ = ["SweepResults", "write_report"]
