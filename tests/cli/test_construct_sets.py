"""`relubloom construct --sets`: codes for a file, with their worth and their rivals."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import relubloom as rb
from build.process import Outcome
from relubloom.code import Code
from relubloom.study.source_codes import source_weight, worth_on_source

Run = Callable[..., Outcome]
TAGS = Path(__file__).parents[1] / "data" / "debtags.sets"


@pytest.mark.parametrize("family", ["learned", "frequency", "constant-weight"])
def test_a_code_for_a_file_says_its_worth(relubloom: Run, tmp_path: Path, family: str) -> None:
    out = tmp_path / "code"
    seconds = ("--seconds", 0.5) if family == "learned" else ()
    asked = ("construct", "--sets", TAGS, "-k", "3..6", "-d", 24, "--family", family, *seconds)
    made = relubloom(*asked, "--out", out, "--json", "--quiet").json
    task = rb.KSparseTask.from_file(TAGS, (3, 6))
    code = Code.load(out / "code.npz")
    held_out = task.evaluation_sets()
    found = code.false_positives(held_out.chunk(0, len(held_out)))
    copies = held_out.weights(0, len(held_out)).numpy()
    assert made["family"] == family
    assert made["held_out"]["false_positives"] == pytest.approx(np.average(found, weights=copies))
    assert made["held_out"]["p_exact"] == pytest.approx(np.average(found == 0, weights=copies))
    assert made["rivals"].keys() == {"constant-weight", "frequency"}
    assert made["unseen_tokens"] > 0 and made["held_out"]["unseen"]["sets"] > 0
    assert made["false_positives"]["mean"] > 0
    assert len((out / "code.csv").read_text().splitlines()) == task.vocab_size
    text = relubloom(*asked, "--out", out, "--force", "--quiet").out
    assert "held-out sets" in text and "frequency-aware, random" in text


def test_the_rivals_are_the_medians_of_five() -> None:
    task = rb.KSparseTask.from_file(TAGS, (3, 6))
    weight = source_weight(task, 13)
    five = [
        worth_on_source(rb.random_constant_weight(task.vocab_size, 13, weight, seed), task, 13)
        for seed in range(5)
    ]
    worth = sorted(each["held_out"]["false_positives"] for each in five)
    assert five[0]["rivals"]["constant-weight"]["false_positives"] == worth[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--family", "learned"), "family is 'learned': it is made from a file of sets"),
        (("--family", "frequency", "--sets", TAGS, "--weight", 3), "weight is 3: a frequency code"),
        (("--family", "learned", "--sets", TAGS, "-k", "3..6", "-d", 6), "the largest set has 6"),
        (("--sets", TAGS, "-k", "3..6", "-d", 5), "width is 5 and the largest set has 6 tokens"),
        (("--sets", TAGS, "-N", 9), "--vocab-size is 9 and --sets is given"),
        (("--family", "frequency", "--sets", TAGS, "--seconds", 3), "only a search takes its time"),
        (("--skip-bad",), "--skip-bad is given without --sets"),
        (("--sets", "none.sets"), "cannot read none.sets"),
    ],
)
def test_what_is_refused(
    relubloom: Run, tmp_path: Path, arguments: tuple[object, ...], message: str
) -> None:
    done = relubloom("construct", *arguments, "--quiet", "--out", tmp_path / "c")
    assert done.status == (1 if "cannot read" in message else 2)
    assert message in done.error
    assert not (tmp_path / "c").exists()


def test_one_set_repeated_is_refused(relubloom: Run, tmp_path: Path) -> None:
    (tmp_path / "same.sets").write_text("a b c\n" * 9)
    done = relubloom(
        *("construct", "--family", "learned", "--sets", tmp_path / "same.sets"),
        *("--out", tmp_path / "c"),
    )
    assert (done.status, "has 1 distinct set" in done.error) == (1, True)
