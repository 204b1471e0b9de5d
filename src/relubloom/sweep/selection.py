"""Choosing among records: conditions such as `width>=32`, columns, an order."""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Iterable
from typing import Any

from relubloom.errors import UsageError

CONDITION = re.compile(r"\s*(\w+)\s*(!=|<=|>=|=|<|>)\s*(.*?)\s*")
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
WORDS = {"null": None, "true": True, "false": False}

Record = dict[str, Any]


def select(records: list[Record], conditions: Iterable[str]) -> list[Record]:
    """The records that meet every condition `KEY=VALUE` (also !=, <, <=, >, >=).

    A value is a number, null, true, false, or a text. A record without the key has null there;
    null is neither less nor greater than anything.

    Raises:
        UsageError: a condition has another form, or no record has its key.
    """
    for condition in conditions:
        found = CONDITION.fullmatch(condition)
        if found is None:
            raise UsageError(
                f"--where is {condition!r}: it is KEY=VALUE (or !=, <, <=, >, >=), such as width=48"
            )
        key, sign, wanted = found[1], found[2], _value(found[3])
        check_keys(records, [key], "--where")
        records = [each for each in records if _meets(each.get(key), sign, wanted)]
    return records


def check_keys(records: list[Record], keys: Iterable[str], option: str) -> None:
    """Refuse a key that no record has.

    Raises:
        UsageError: the nearest key that there is is named.
    """
    known = dict.fromkeys(key for record in records for key in record)
    for key in keys:
        if known and key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
            raise UsageError(
                f"{option} names {key!r}, which no run has; the nearest is {near!r} (all: "
                f"{', '.join(known)})"
            )


def in_order(records: list[Record], key: str) -> list[Record]:
    """Sorted by a key, those without a value last; texts and numbers apart."""
    return sorted(records, key=lambda each: _rank(each.get(key)))


def _value(text: str) -> Any:
    if text in WORDS:
        return WORDS[text]
    try:
        return float(text)
    except ValueError:
        return text


def _meets(value: Any, sign: str, wanted: Any) -> bool:
    if sign not in ("=", "!=") and (
        value is None or wanted is None or isinstance(value, str) != isinstance(wanted, str)
    ):
        return False
    return COMPARISONS[sign](value, wanted)


def _rank(value: Any) -> tuple[int, Any]:
    if value is None:
        return 2, 0
    return (0, value) if isinstance(value, int | float) else (1, str(value))
