"""Pictures of a report for a person to look at: a phone and a desk, light and dark.

python tests/screenshots.py REPORT FOLDER [--top] [--scale 2]   # writes FOLDER/360-light.png, ...
"""

import argparse
from pathlib import Path

from build.browser import PHONE, WIDE, launched
from build.page_probes import scroll_through

HEIGHTS = {PHONE: 780, WIDE: 900}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--top", action="store_true", help="only what the first screen shows")
    parser.add_argument("--scale", type=int, default=1, help="pixels of the picture a CSS pixel")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with launched() as chromium:
        for width, height in HEIGHTS.items():
            for theme in ("light", "dark"):
                page = chromium.new_page(
                    viewport={"width": width, "height": height},
                    color_scheme=theme,
                    device_scale_factor=options.scale,
                )
                page.goto(options.report.resolve().as_uri())
                scroll_through(page)
                page.screenshot(
                    path=options.folder / f"{width}-{theme}.png", full_page=not options.top
                )
                page.close()


if __name__ == "__main__":
    main()
