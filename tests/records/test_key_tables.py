"""One place says what a key means: every key of every file is told, and docs/files.md shows it."""

from dataclasses import fields

import pytest

from build.key_tables import PAGE, all_records, meanings, with_tables
from relubloom.errors import FileError
from relubloom.records.files import FILE_NAMES, key_of


@pytest.mark.parametrize("record", all_records(), ids=lambda record: record.__name__)
def test_every_key_is_told_once(record: type) -> None:
    told = meanings(record)
    assert sorted(key for keys in told for key in keys) == sorted(
        key_of(field.name) for field in fields(record)
    )
    assert all(told.values())


def test_the_page_is_up_to_date() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_tables(page) == page, "docs/files.md is stale: run `make docs-files`"


def test_the_page_tells_every_file() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for kind, name in FILE_NAMES.items():
        assert f"<!-- keys of {kind.__name__} -->" in page
        assert f"## `{name}`" in page


def test_a_table_is_made_anew() -> None:
    page = "before\n<!-- keys of Interval -->\nold\n<!-- end of keys -->\nafter\n"
    assert with_tables(page) == (
        "before\n<!-- keys of Interval -->\n| key | meaning |\n|---|---|\n"
        "| `lower`, `upper` | both ends. |\n<!-- end of keys -->\nafter\n"
    )


def test_a_record_inside_another_is_told_below_it_or_in_a_table_of_its_own() -> None:
    made = "<!-- keys of CalledNonMembers -->\n<!-- end of keys -->\n"
    assert "| `mean` | per set. |\n| `mean.lower`, `mean.upper` | both ends. |" in with_tables(made)
    apart = with_tables(made + "<!-- keys of Interval -->\n<!-- end of keys -->\n")
    assert "| `mean` | per set; see its table |" in apart


def test_a_record_that_there_is_not() -> None:
    with pytest.raises(FileError, match="there is no record Bloom; the page may ask for Behaviour"):
        with_tables("<!-- keys of Bloom -->\n<!-- end of keys -->\n")
