"""`relubloom pool`: from a design to decoded positives, through the files."""

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from build.process import Outcome
from relubloom.cli.pooling import _decoded_text

Run = Callable[..., Outcome]


def test_from_csv_to_decoded_positives(relubloom: Run, tmp_path: Path) -> None:
    out = tmp_path / "plate"
    design = ("pool", "--samples", 24, "--positives", "1..2", "--seconds", 0.5, "--out", out)
    made = relubloom(*design, "--json").json
    assert made["dir"] == str(out)
    assert made["samples"] == 24
    assert made["positives"] == 2
    assert made["certificate"] == {"certified": True, "patterns": 301, "false_positives": 0}
    assert made["plan"]["width"] == made["tests"] < 24
    with (out / "samples.csv").open() as stream:
        _, *rows = csv.reader(stream)
    tests_of = {row[0]: set(row[1:]) - {""} for row in rows}
    for key, sizes in (
        ("pools_per_sample", [len(each) for each in tests_of.values()]),
        ("pool_size", Counter(t for each in tests_of.values() for t in each).values()),
    ):
        assert made[key] == {"least": min(sizes), "most": max(sizes)}
    positive = tests_of["S03"] | tests_of["S24"]
    results = tmp_path / "results.csv"
    rows = [f"T{number:02d}" for number in range(1, made["tests"] + 1)]
    results.write_text("test,result\n" + "".join(f"{t},{int(t in positive)}\n" for t in rows))
    for file in ("tests.csv", "samples.csv"):
        found = relubloom("pool", "decode", out / file, results, "--json").json
        assert found["decided"]
        assert sorted(found["positives"]) == ["S03", "S24"]
    text = relubloom("pool", "decode", out / "tests.csv", results).out
    assert text in ("positives: S03, S24\n", "positives: S24, S03\n")
    positive |= tests_of["S11"] | tests_of["S17"] | tests_of["S08"]
    results.write_text("".join(f"{t},{'+' if t in positive else '-'}\n" for t in rows))
    over = relubloom("pool", "decode", out / "tests.csv", results)
    assert over.status == 0
    assert over.out.startswith("cannot tell: no pattern of up to 2 positives")
    assert "S03" in over.out
    again = relubloom(*design)
    assert (again.status, "is not empty" in again.error) == (2, True)
    assert relubloom(*design, "--force", "--quiet").out.splitlines()[1].startswith("proved: each")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--positives", 2), "missing --samples and --out"),
        (("--samples", 9, "--positives", "few", "--out", "p"), "--positives is 'few'"),
        (("--samples", 9, "--positives", 9, "--out", "p"), "positives is 9 and samples is 9"),
        (("decode", "none.csv"), "Missing argument 'RESULTS'"),
        (("decode", "none.csv", "none.csv"), "none.csv is not there"),
    ],
)
def test_wrong_usage_is_one_line(
    relubloom: Run,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: tuple[object, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = relubloom("pool", *arguments)
    assert done.status == (1 if "not there" in message else 2)
    assert message in done.error
    assert len(done.err.strip().splitlines()) == 1


@pytest.mark.parametrize(("total", "last"), [(10, "  positives: none"), (11, "  and 1 more")])
def test_ten_explanations_are_printed(total: int, last: str) -> None:
    each = {"positives": [], "false_negatives": [], "false_positives": []}
    named = {"decided": False, "most_positives": 2, "positives": [], "candidates": []}
    listed = {"explanations": [each] * total, "explanations_total": total}
    lines = _decoded_text(named | listed).splitlines()
    assert (lines.count("  positives: none"), lines[-1]) == (10, last)
