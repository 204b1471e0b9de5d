"""docs/results/width.md, made from records of sweeps that nobody ran: its words follow them."""

import math
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest

from build.sweep import Record, record, sweep
from relubloom.theory import best_constant_weight
from width import write_page

WIDTHS = (12, 16, 20, 24, 28, 32)


def share_of_random(width: int) -> float:
    return 0.5 * best_constant_weight(32, width, 3).mse


def exponential(width: int) -> float:
    return 2 * math.exp(-width / 5)


def power(width: int) -> float:
    return 30 * width**-2.5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared, so that rivals are made once."""
    return tmp_path_factory.mktemp("width")


def cell(law: Callable[[int], float], **fields: object) -> list[Record]:
    return sweep(WIDTHS, law, vocab_size=32, **fields)


def whole(law: Callable[[int], float]) -> list[Record]:
    """A small sweep with everything that the page shows."""
    rows = cell(law) + cell(lambda d: 3 / d, activation="none") + cell(law, objective="kl")
    for count in (10, 100, 1000):
        rows += sweep((24,), lambda d: 0.1, vocab_size=32, training_pool=count, onset=99.0)
    return [*rows, record(status="failed", reason="killed")]


def said_of(page: str, heading: str) -> str:
    """The item of a list that begins with this heading, or the section under it."""
    found = re.search(rf"^- \*\*{re.escape(heading)}\.\*\* (.*)$", page, re.MULTILINE)
    assert found is not None, heading
    return found.group(1)


def test_the_page_and_its_figures(folder: Path) -> None:
    page = write_page(whole(share_of_random), folder).read_text(encoding="utf-8")
    shown = re.findall(r"\]\((width-[^)]+\.svg)\)", page)
    assert len(shown) == len(set(shown)) == 6
    assert {path.name for path in folder.glob("*.svg")} == set(shown)
    for name in shown:
        text = (folder / name).read_text(encoding="utf-8")
        assert ElementTree.fromstring(text).tag.endswith("svg")
        assert "nan" not in text and "var(--" not in text
    assert "84 trained networks in 6 cells" in page
    assert "Set aside: 1 failed" in page
    assert page.count("## Table: ") == 2
    rows = re.findall(r"^\| (?:mse|kl) \| [\d,]+ \|", page, re.MULTILINE)
    assert len(rows) == 3  # the numbers of training sets; fresh sets have a row too
    assert "| mse | fresh | 4 |" in page


def test_set_sizes_of_one_objective_have_a_figure_of_their_own(folder: Path) -> None:
    rows = cell(exponential) + cell(exponential, objective="kl")
    rows += cell(exponential, objective="kl", set_size=2)
    page = write_page(rows, folder).read_text(encoding="utf-8")
    assert "(width-law-32.svg)" in page and "(width-law-32-more.svg)" in page
    shown = (folder / "width-law-32.svg").read_text(encoding="utf-8")
    more = (folder / "width-law-32-more.svg").read_text(encoding="utf-8")
    assert shown.count("k = 3, objective") == 2 and "k = 2" not in shown
    assert more.count("k = 2, objective kl") == 1 and "k = 3" not in more


def test_the_same_records_give_the_same_page(folder: Path) -> None:
    records = cell(exponential) + cell(power, activation="none")
    write_page(records, folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    write_page(records[::-1], folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("law", "verdict"),
    [
        (exponential, "an exponential fits better than a power law"),
        (power, "a power law fits better than an exponential"),
    ],
)
def test_the_law_named_is_the_law_planted(
    folder: Path, law: Callable[[int], float], verdict: str
) -> None:
    page = write_page(cell(law, seeds=8), folder).read_text(encoding="utf-8")
    said = said_of(page, "N = 32, k = 3, objective mse")
    assert verdict in said


def test_a_constant_share_of_the_random_codes_error_is_found(folder: Path) -> None:
    page = write_page(cell(share_of_random), folder).read_text(encoding="utf-8")
    said = said_of(page, "N = 32, k = 3, objective mse")
    assert re.search(r"to a power of (0\.9\d|1\.0\d) .* fits better than the exponential", said)
    assert "At every width the median network has less error than the best random code." in page


def test_networks_that_lose_are_said_to_lose(folder: Path) -> None:
    def worse(width: int) -> float:
        return 1.3 * best_constant_weight(32, width, 3).mse

    rows = cell(worse, spread=0.01)
    rows += cell(lambda d: 0.9 * worse(d), spread=0.01, activation="none")
    page = write_page(rows, folder).read_text(encoding="utf-8")
    assert "At no width has the median network less error than the best random code." in page
    assert "At no width has the median network less error than the designed code." in page
    assert "and at width 12, 16, 20, 24, 28, 32 it is no larger" in page


@pytest.mark.parametrize(
    ("onset", "said"),
    [
        (
            8.0,
            "Most seeds binarise from width 24 on and not at 20 (6.7 to 8.0 units per token): as",
        ),
        (
            6.0,
            "Most seeds binarise from width 20 on and not at 16 (5.3 to 6.7 units per token): as",
        ),
        (0.0, "Most seeds binarise at every width beyond saturation, from 16 on (5.3 units per"),
        (99.0, "At the widest, 32 (11 units per token), most seeds do not binarise: later than"),
    ],
)
def test_the_onset_is_set_against_the_prediction(folder: Path, onset: float, said: str) -> None:
    page = write_page(cell(exponential, onset=onset), folder).read_text(encoding="utf-8")
    assert said in said_of(
        page.split("## Where networks binarise")[1], "N = 32, k = 3, objective mse"
    )


def test_pairs_are_not_held_to_the_prediction(folder: Path) -> None:
    page = write_page(cell(exponential, set_size=2, onset=99.0), folder).read_text(encoding="utf-8")
    phases = said_of(page.split("## Where networks binarise")[1], "N = 32, k = 2, objective mse")
    assert "do not binarise: nothing was predicted for k = 2 but that they need not." in phases


def test_a_floor_of_training_is_told_from_failing_sets(folder: Path) -> None:
    # All sets ranked right: none of an error of .01 is theirs. At a share of .99 right, at most
    # .01 (1 + 1/3) / .01, so all of it may be.
    rows = cell(lambda d: 0.01, p_exact=0.99)
    rows = [row | ({"p_exact": 1.0} if row["width"] >= 28 else {}) for row in rows]
    page = write_page(rows, folder).read_text(encoding="utf-8")
    said = said_of(page, "N = 32, k = 3, objective mse")
    assert re.search(
        r"At width 28, 32 sets ranked wrongly can make at most 0\s% of the error", said
    )


def test_other_recipes_stand_side_by_side(folder: Path) -> None:
    rows = cell(lambda d: 0.02, spread=0.0)
    rows += sweep((24,), lambda d: 0.01, vocab_size=32, seeds=2, spread=0.0, learning_rate=0.05)
    page = write_page(rows, folder).read_text(encoding="utf-8")
    assert "Set aside: 2 of another recipe" in page and "## Are the steps enough?" not in page
    (ratio,) = re.findall(
        r"learning_rate 0.05, .* \| 2 \| 0.0100 \| 0.0100 \| (×.\d\.\d\d) \|", page
    )
    assert ratio == "× 0.50"


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (
            lambda d: 0.5 * exponential(d),
            r"5,000 steps are enough for the law: .* still falls, by 50\s%\.",
        ),
        (lambda d: exponential(d) ** 1.5, "5,000 steps are not enough for the law: doubling them"),
    ],
)
def test_whether_the_steps_are_enough(
    folder: Path, after: Callable[[int], float], said: str
) -> None:
    rows = cell(lambda d: exponential(d) * (1.1 if d % 8 else 1 / 1.1), spread=0.0)
    rows += sweep(
        (16, 24, 32),
        lambda d: after(d) * (1.1 if d % 8 else 1 / 1.1),
        vocab_size=32,
        spread=0.0,
        steps=10_000,
    )
    page = write_page(rows, folder).read_text(encoding="utf-8")
    assert "Set aside: 12 of another number of steps" in page and "## Other recipes" not in page
    section = page.split("## Are the steps enough?")[1].split("\n## ")[0]
    assert re.search(said, said_of(section, "N = 32, k = 3, objective mse"))
    assert len(re.findall(r"^\| 32 \| 3 \| mse \| (16|24|32) \| ", section, re.MULTILINE)) == 6


def short_of(page: str) -> tuple[str, list[list[str]]]:
    """What "In short" says, and its table's rows as cells."""
    section = page.split("## In short")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (\d.*) \|$", section, re.MULTILINE)
    return section, [row.split(" | ") for row in rows]


def test_in_short_names_each_law_and_what_it_is_measured_against(folder: Path) -> None:
    rows = cell(share_of_random, objective="kl", spread=0.01)
    rows += cell(lambda d: 20 * share_of_random(d), objective="kl", activation="none", spread=0.01)
    rows += cell(lambda d: power(d) / 5, spread=0.01)
    rows += cell(lambda d: 0.9**d, set_size=2, spread=0.01)[:8]
    page = write_page(rows, folder).read_text(encoding="utf-8")
    said, table = short_of(page)
    assert page.index("## In short") < page.index("## What was run")
    assert "clearly better than a power law at N = 32, k = 3 (kl);" in said
    assert "clearly better than an exponential at N = 32, k = 3 (mse);" in said
    assert "too few widths for a law so far at N = 32, k = 2 (mse)." in said
    assert re.search(
        r"error without a ReLU is larger at N = 32, k = 3 \(kl\) \((19|20) times\)", said
    )
    assert re.search(r"None of 56\snetworks", said)
    assert [row[:3] for row in table] == [
        ["32", "2", "mse"],
        ["32", "3", "mse"],
        ["32", "3", "kl"],
    ]
    assert [row[4] for row in table] == ["too few widths", "power law", "exponential"]
    assert re.fullmatch(r"× 0\.(49|50|51) \(d = 32\)", table[2][8])
    assert re.fullmatch(r"× (19|20) \(d = 32\)", table[2][9]) and table[1][9] == "–"


def test_a_seed_astray_is_counted_and_named(folder: Path) -> None:
    rows = cell(exponential, spread=0.0)
    for row in rows:
        if row["width"] == 28 and row["seed"] == 2:
            row["mse"] *= 5
    page = write_page(rows, folder).read_text(encoding="utf-8")
    said, table = short_of(page)
    assert re.search(r"1 of 24\snetworks .* the worst errs 5\.0 times the median", said)
    assert table[0][-1].endswith("a seed astray at 28")
    assert re.search(
        r"1\snetwork of 24 errs more than 3 times .*: at width 28 \(5\.0 times\)", page
    )


def test_one_token_is_left_out_of_fits_and_figures(folder: Path) -> None:
    rows = cell(exponential, set_size=1, p_exact=1.0) + cell(exponential)
    page = write_page(rows, folder).read_text(encoding="utf-8")
    said, table = short_of(page)
    assert "Sets of one token (k = 1)" in said and [row[1] for row in table] == ["3"]
    assert "ranks all the sets right" in said_of(page, "N = 32, k = 1, objective mse")
    assert "## Table: N = 32, k = 1, objective mse" in page
    for name in ("width-law-32", "width-slopes-32", "width-modes-32-mse"):
        assert "k = 1" not in (folder / f"{name}.svg").read_text(encoding="utf-8")


def test_a_handful_of_records_is_enough_for_a_page(folder: Path) -> None:
    rows = [record(vocab_size=32, width=width, mse=0.05) for width in (12, 16)]
    page = write_page(rows, folder).read_text(encoding="utf-8")
    assert "Too few widths for a law" in page
