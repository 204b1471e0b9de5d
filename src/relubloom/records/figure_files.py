"""The files of figures that a report writes beside itself, and removes again."""

from pathlib import Path

FIGURES = "figures"  # the folder of the report's figures
FIGURE_MARK = "<!-- a figure of a relubloom report -->"


def remove_figures(folder: Path) -> None:
    """Remove the figures that a report wrote below `folder`, and nothing else that lies there."""
    figures = folder / FIGURES
    for path in figures.glob("*.svg"):
        with path.open(encoding="utf-8", errors="replace") as stream:
            ours = stream.read(len(FIGURE_MARK)) == FIGURE_MARK
        if ours:
            path.unlink()
    if figures.is_dir() and not any(figures.iterdir()):
        figures.rmdir()
