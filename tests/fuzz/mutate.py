"""Seeded changes to bytes, texts and JSON values: what a hostile or damaged file may hold."""

import json
import random
from typing import Any

Draw = random.Random
ODD_NUMBERS = (0, -1, 1, -5, 10**9, 2**31, 2**63, 10**18, 10**30, 0.5, 1.5, -0.0, 1e308, 3e38)
ODD_TEXTS = (
    "",
    "\x00",
    "\x1b[31mred\x1b[0m",
    "\ud800",
    "\udcff",
    "../../etc/passwd",
    "/dev/zero",
    "/",
    ".",
    "=HYPERLINK(1)",
    "<script>",
    "é" * 300,
    "a\nb",
)
ODD_VALUES = (None, True, False, [], {}, [[]], [None], {"": None}, *ODD_NUMBERS, *ODD_TEXTS)
RAW_JSON = ("NaN", "Infinity", "-Infinity", "1e999", "9" * 5000, "[" * 3000, '{"a":' * 3000, "")
RAW_BYTES = (b"", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\x1b[2J", b"#", b"," * 50)


def changed_bytes(content: bytes, draw: Draw) -> bytes:
    """A few flips, cuts, repeats and insertions."""
    made = bytearray(content)
    for _ in range(draw.randint(1, 3)):
        at = draw.randrange(len(made) + 1)
        match draw.randrange(6):
            case 0 if made:
                made[min(at, len(made) - 1)] ^= 1 << draw.randrange(8)
            case 1:
                del made[at:]
            case 2:
                made[at:at] = draw.choice(RAW_BYTES)
            case 3:
                del made[at : at + draw.randint(1, 40)]
            case 4:
                made[at:at] = made[at : at + draw.randint(1, 40)]
            case _ if made:
                made[min(at, len(made) - 1)] = draw.randrange(256)
            case _:
                pass
    return bytes(made)


def changed_text(text: str, draw: Draw) -> bytes:
    """Lines and words exchanged, repeated, left out, made odd; now and then the bytes."""
    if draw.random() < 0.3:
        return changed_bytes(text.encode(), draw)
    lines = text.split("\n")
    for _ in range(draw.randint(1, 3)):
        at = draw.randrange(len(lines))
        match draw.randrange(5):
            case 0:
                lines[at] = draw.choice(ODD_TEXTS)
            case 1:
                lines.insert(at, draw.choice(lines))
            case 2 if len(lines) > 1:
                del lines[at]
            case 3:
                lines[at] += draw.choice((" ", ",", "\t", "\u00a0", "\r", " x", "#", "\u2028"))
            case _:
                words = lines[at].split(" ")
                draw.shuffle(words)
                lines[at] = " ".join(words)
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def changed_json(text: str, draw: Draw) -> bytes:
    """One to three values of a JSON text replaced, removed, added; now and then the text."""
    chance = draw.random()
    if chance < 0.15:
        return changed_bytes(text.encode(), draw)
    value = json.loads(text)
    for _ in range(draw.randint(1, 3)):
        value = _changed(value, draw)
    made = json.dumps(value)
    if chance < 0.3:
        made = made.replace(draw.choice([": 0", ": 1", "null", "2"]), draw.choice(RAW_JSON), 1)
    return made.encode()


def _changed(value: Any, draw: Draw) -> Any:
    places = list(_places(value))
    if not places:
        return draw.choice(ODD_VALUES)
    inside, key = draw.choice(places)
    match draw.randrange(6):
        case 0:
            del inside[key]
        case 1 if isinstance(inside, dict):
            inside["another"] = draw.choice(ODD_VALUES)
        case 2 if isinstance(inside[key], int | float) and not isinstance(inside[key], bool):
            inside[key] = draw.choice((inside[key] + 1, -inside[key], inside[key] * 1e6, 0))
        case 3:
            _, other = (at := draw.choice(places))
            inside[key] = json.loads(json.dumps(at[0][other]))
        case _:
            inside[key] = draw.choice(ODD_VALUES)
    return value


def _places(value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in list(items) if isinstance(value, dict | list) else ():
        yield value, key
        if isinstance(each, dict | list):
            yield from _places(each)
