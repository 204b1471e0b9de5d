"""Every result file: its name, and one reader and writer for all of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from relubloom import atomic, reading
from relubloom.errors import FileError
from relubloom.records.behaviour import Behaviour
from relubloom.records.certificate import Certificate
from relubloom.records.dynamics import Dynamics
from relubloom.records.interventions import Interventions
from relubloom.records.ladder import Ladder
from relubloom.records.mechanism import Mechanism
from relubloom.records.study import StudyRecord, Swaps

if TYPE_CHECKING:
    from cattrs import Converter

SCHEMA_VERSION = 1
FILE_NAMES: dict[type, str] = {
    Behaviour: "behaviour.json",
    Mechanism: "mechanism.json",
    Interventions: "interventions.json",
    Ladder: "ladder.json",
    Certificate: "certificate.json",
    Dynamics: "dynamics.json",
    StudyRecord: "study.json",
    Swaps: "swaps.json",
}
REMEDIES: dict[type, str] = {
    Certificate: "relubloom certify",
    StudyRecord: "relubloom study --force --out",
    Swaps: "relubloom study --force --out",
}  # of a damaged file; any other is `EXAMINE`'s
EXAMINE = "relubloom examine"
FIGURES = "figures"  # the folder of the report's figures
FIGURE_MARK = "<!-- a figure of a relubloom report -->"  # each of them begins so
SHARES = (
    "p_exact",
    "near_threshold",
    "unit_agreement",
    "state_agreement",
    "precision",
    "recall",
    "f1",
)
T = TypeVar("T")


def read_record(folder: Path, kind: type[T]) -> T | None:
    """The record of a kind that lies in a run folder (or a study's); None where there is none.

    Keys that this version does not know, as a later one may write, are left out and named in a
    warning of one line.

    Raises:
        FileError: the file is no JSON object, or a key is missing or holds something else.
    """
    path = folder / FILE_NAMES[kind]
    if not path.exists():
        return None
    found = reading.read_json(path)
    remedy = f"make it anew with `{REMEDIES.get(kind, EXAMINE)} {folder}`"
    if not isinstance(found, dict):
        raise FileError(f"{path} holds no JSON object; {remedy}")
    version = found.pop("schema_version", SCHEMA_VERSION)
    from cattrs import BaseValidationError

    try:
        record = _converter().structure(found, kind)
    except (BaseValidationError, ValueError) as error:
        newer = isinstance(version, int) and version > SCHEMA_VERSION
        why = f", written by a newer relubloom (schema {version})," if newer else ""
        raise FileError(f"{path}{why} {_what_is_wrong(error)}; {remedy}") from None
    unknown = list(_unknown_keys(found, as_json(record), ""))
    if unknown:
        logging.getLogger(__name__).warning(
            "%s has keys that this relubloom does not know and leaves out: %s",
            path,
            ", ".join(unknown),
        )
    return record


def write_record(folder: Path, record: object) -> None:
    """Write a record to its file, atomically, with the schema's version first."""
    path = folder / FILE_NAMES[type(record)]
    atomic.write_json(path, document(record))


def remove_record(folder: Path, kind: type) -> None:
    """Remove the file of that kind, where there is one."""
    (folder / FILE_NAMES[kind]).unlink(missing_ok=True)


def remove_figures(folder: Path) -> None:
    """Remove the figures that a report wrote below `folder`, and nothing else that lies there."""
    figures = folder / FIGURES
    for path in figures.glob("*.svg"):
        if path.is_file():
            with path.open(encoding="utf-8", errors="replace") as stream:
                ours = stream.read(len(FIGURE_MARK)) == FIGURE_MARK
            if ours:
                path.unlink()
    if figures.is_dir() and not any(figures.iterdir()):
        figures.rmdir()


def document(record: object) -> dict[str, Any]:
    """What stands in a record's file, as JSON values."""
    return {"schema_version": SCHEMA_VERSION} | as_json(record)


def as_json(record: object) -> dict[str, Any]:
    """What stands in a record's file, but for the schema's version, as JSON values."""
    return _converter().unstructure(record)


def key_of(field: str) -> str:
    """The key in the file of a field; a trailing underscore tells a field from a keyword."""
    return field.removesuffix("_")


@cache
def _converter() -> Converter:
    """What turns records into JSON values and back, taking no value for one of another kind."""
    from cattrs import Converter
    from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

    converter = Converter()

    def renamed(cls: type) -> dict[str, Any]:
        names = [each.name for each in fields(cls) if key_of(each.name) != each.name]
        return {name: override(rename=key_of(name)) for name in names}

    def reader(cls: type) -> Any:
        read = make_dict_structure_fn(cls, converter, **renamed(cls))

        def checked(value: Any, kind: Any) -> Any:
            record = read(value, kind)
            _refuse_shares(record)
            return record

        return checked

    def writer(cls: type) -> Any:
        return make_dict_unstructure_fn(cls, converter, **renamed(cls))

    converter.register_structure_hook_factory(is_dataclass, reader)
    converter.register_unstructure_hook_factory(is_dataclass, writer)
    for kind in (bool, int, float, str):
        converter.register_structure_hook(kind, _plain)
    converter.register_structure_hook(int | list[int], _size_or_sizes)
    return converter


def _plain(value: Any, kind: type) -> Any:
    """A JSON value of that very kind; a whole number may stand for a real one."""
    of_kind = isinstance(value, (int, float) if kind is float else kind)
    if not of_kind or (isinstance(value, bool) and kind is not bool):
        names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
        raise ValueError(f"{value!r} is not {names[kind]}")
    if kind is int and value < 0:
        raise ValueError(f"{value!r} is below 0")
    return float(value) if kind is float else value


def _refuse_shares(record: Any) -> None:
    """Refuse shares that are none: what is called a share or a rate lies between 0 and 1."""
    for each in fields(record):
        value = getattr(record, each.name)
        named = each.name in SHARES or each.name.endswith(("_share", "_rate"))
        if named and isinstance(value, float) and not 0 <= value <= 1:
            raise ValueError(f"{key_of(each.name)} is {value:g}: a share is 0 to 1")


def _size_or_sizes(value: Any, _kind: object) -> int | list[int]:
    if isinstance(value, list):
        return [_plain(each, int) for each in value]
    return _plain(value, int)


def _what_is_wrong(error: Exception) -> str:
    """The first key that is amiss, and how."""
    from cattrs import transform_error

    if isinstance(error, ValueError):
        return f"is damaged ({error})"
    what, _, place = transform_error(error)[0].rpartition(" @ ")
    place = place.removeprefix("$").removeprefix(".")
    if what == "required field missing":
        return f"lacks the key {place}"
    return f"is damaged at {place or 'its start'} ({what})"


def _unknown_keys(document: Any, known: Any, place: str) -> Iterator[str]:
    """Keys of a file that its record does not hold."""
    if isinstance(document, dict) and isinstance(known, dict):
        for key, value in document.items():
            if key in known:
                yield from _unknown_keys(value, known[key], f"{place}{key}.")
            else:
                yield place + key
    elif isinstance(document, list) and isinstance(known, list | tuple):
        pairs = zip(document, known, strict=True)
        found = (key for pair in pairs for key in _unknown_keys(*pair, place))
        yield from dict.fromkeys(found)
