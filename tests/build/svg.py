"""What stands in an inline SVG: its words, and what its colours stand for."""

import re
from collections import Counter
from html import unescape


def words(svg: str) -> list[str]:
    """All texts, in the order in which they were drawn."""
    return [unescape(said) for said in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]


def marks(svg: str, role: str) -> int:
    """How many lines, dots, outlines or markers have the colour of `role`."""
    return sum(f"var(--{role})" in each for each in re.findall(r"<(?:path|use)[^>]*>", svg))


def strokes(svg: str, role: str) -> int:
    """Of how many pieces the paths in the colour of `role` consist."""
    paths = re.findall(r'<path d="([^"]*)"([^>]*)>', svg)
    return sum(path.count("M") for path, look in paths if f"var(--{role})" in look)


def roles(svg: str) -> Counter[str]:
    """How often each colour of the page is asked for."""
    return Counter(re.findall(r"var\(--(\w+)\)", svg))
