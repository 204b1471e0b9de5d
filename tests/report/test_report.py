"""The report page: what it says, what it escapes, and that it stands alone."""

import ast
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import relubloom.report
from build.evidence import add_evidence
from build.report_runs import (
    TASK,
    Balance,
    constructed_run,
    edited,
    noisy,
    page,
    study,
    trained_run,
    unscripted,
    words,
)
from relubloom import atomic
from relubloom.code import Code, random_constant_weight
from relubloom.errors import FileError
from relubloom.evidence import gather_evidence
from relubloom.network.construct import construct
from relubloom.network.relu_net import ReluNet
from relubloom.records.run_folder import Origin, default_labels, write_network
from relubloom.report import wording
from relubloom.report.contents import read_contents
from relubloom.report.numbers import decimal, figure, percent, spans
from relubloom.report.page import write_report
from relubloom.study.steps import write_evidence
from relubloom.task import KSparseTask

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "$\\frac",
    "日本語",
    "a&b",
)


def head(folder: Path) -> str:
    """Title, verdict and remarks, without the cost of drawing."""
    contents = read_contents(folder)
    said = [
        wording.title(contents),
        *wording.verdict_sentences(contents),
        *wording.remarks(contents),
    ]
    return " ".join(said).replace("\u00a0", " ")


@pytest.fixture(scope="module")
def study_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    study(folder)
    return folder


@pytest.fixture(scope="module")
def study_page(study_folder: Path) -> str:
    return page(study_folder)


def test_path_is_returned_and_the_page_is_the_same_each_time(
    study_folder: Path, study_page: str
) -> None:
    path = write_report(study_folder)
    assert path == study_folder / "report.html"
    assert path.read_text(encoding="utf-8") == study_page


def test_page_asks_for_nothing(study_folder: Path, study_page: str) -> None:
    html = study_page
    assert "http://" not in html
    assert "https://" not in html
    assert "@import" not in html
    assert "<script" not in unscripted(html).lower()
    assert not re.search(r"url\(\s*['\"]?(?!#)", html)
    for address in re.findall(r"(?:src|href)=\"([^\"]*)\"", html):
        local = address.startswith(("#", "data:image/png;base64,"))
        assert local or (study_folder / address).exists(), address


def test_html_is_well_formed_and_ids_are_unique(study_page: str) -> None:
    parser = Balance()
    parser.feed(study_page)
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))
    assert {"svg", "table", "h1", "figcaption"} <= parser.tags


def test_study_shows_every_seed_with_the_worst_marked(study_folder: Path, study_page: str) -> None:
    text = words(study_page)
    mses = {}
    for seed in range(3):
        mses[seed] = atomic.read_json(study_folder / f"seed-{seed}" / "behaviour.json")["mse"]
        assert f"seed {seed}" in text
        assert figure(mses[seed]) in text
    worst = max(mses, key=lambda seed: mses[seed])
    assert f"seed {worst} ▼ worst" in text
    assert text.count("▼ worst") == 1
    assert "best random code" in text
    assert "0.0123" in text
    assert "relubloom study --out &lt;here&gt;" in text


def test_study_features_the_seed_of_median_mse(study_folder: Path, study_page: str) -> None:
    mses = [
        atomic.read_json(study_folder / f"seed-{seed}" / "behaviour.json")["mse"]
        for seed in range(3)
    ]
    median = mses.index(sorted(mses)[1])
    assert f"is seed {median}, the one of median mse" in words(study_page)


def test_study_reads_its_own_folders_wherever_it_was_moved(
    study_folder: Path, study_page: str, tmp_path: Path
) -> None:
    moved = tmp_path / "elsewhere"
    study_folder.rename(moved)
    try:
        assert page(moved) == study_page
    finally:
        moved.rename(study_folder)


def test_hostile_labels_are_escaped(tmp_path: Path) -> None:
    labels = HOSTILE + default_labels(TASK.vocab_size)[len(HOSTILE) :]
    trained_run(tmp_path, labels=labels)
    html = page(tmp_path)
    assert "<script" not in unscripted(html)
    assert "<img" not in html
    assert "&lt;script" in html
    parser = Balance()
    parser.feed(html)
    assert parser.open == []


def test_hostile_label_in_the_worked_example(tmp_path: Path) -> None:
    """Hashes 1100, 0011, 0110: the first two cover the third, and no other pair does so."""
    net = construct(Code(np.array([[1, 1, 0, 0], [0, 0, 1, 1], [0, 1, 1, 0]], dtype=bool)), 20.0)
    task = KSparseTask(3, 2)
    labels = ("<b>", "it's", '"&"')
    write_network(tmp_path, net, Origin(task, 0), labels)
    write_evidence(tmp_path, gather_evidence(net, task.evaluation_sets()))
    text = words(page(tmp_path))
    assert "&#34;&amp;&#34; was never put in. Here is why it comes out" in text
    assert "Put in &lt;b&gt; and it&#39;s . Squares are their bits" in text
    assert "Every bit of &#34;&amp;&#34; (discs) lies in the union" in text
    assert "gives the members 0.333, 0.333, and &#34;&amp;&#34; 0.333" in text


def test_bare_folder_says_what_is_absent(tmp_path: Path) -> None:
    noisy(random_constant_weight(9, 6, 2, 0), 0).save_pretrained(tmp_path)
    text = words(page(tmp_path))
    assert "There is no verdict yet" in text
    assert "no training history" in text
    assert "does not say what sets" in text
    assert "no examination of its units" in text
    assert "histogram of all 54 entries" in text


def test_smallest_network_has_a_page(tmp_path: Path) -> None:
    zero = torch.zeros
    ReluNet(zero(1, 1), zero(1), zero(1, 1), zero(1)).save_pretrained(tmp_path)
    assert "histogram of all 1 entries" in words(page(tmp_path))


def test_constructed_network_is_called_that(tmp_path: Path) -> None:
    constructed_run(tmp_path)
    text = words(page(tmp_path))
    assert "A network that is a Bloom filter by construction" in text
    assert "exactly two values" in text
    assert "constructed, not trained" in text
    assert "constant-weight code with 3 bits a token" in text


def test_absent_figures_become_words(tmp_path: Path) -> None:
    """Disjoint hashes: no set fails, so there is nothing to explain."""
    net = construct(Code(np.eye(6, dtype=bool)), 20.0)
    task = KSparseTask(6, 2)
    write_network(tmp_path, net, Origin(task, 0), default_labels(6))
    write_evidence(tmp_path, gather_evidence(net, task.evaluation_sets()))
    assert atomic.read_json(tmp_path / "mechanism.json")["failures_explained"] is None
    text = words(page(tmp_path))
    assert "ranks every one exactly right, so there are no ranking failures to explain" in text
    assert "no failures" in text
    assert "two values" in text
    assert "None" not in text.replace("None of", "")
    assert "null" not in text
    assert "nan" not in text.lower()


@pytest.mark.parametrize(
    ("verdict", "headline", "sentence"),
    [
        ("bloom", "A network that learned a Bloom filter", "The Bloom reading holds."),
        ("partly", "A network that partly learned", "The Bloom reading holds only in part."),
        ("not-bloom", "A network that did not learn", "The Bloom reading does not hold."),
    ],
)
def test_verdicts_are_told_apart(
    tmp_path: Path, verdict: str, headline: str, sentence: str
) -> None:
    trained_run(tmp_path)
    edited(tmp_path, "mechanism.json", verdict=verdict, unit_agreement=0.7)
    text = head(tmp_path)
    assert headline in text
    assert sentence in text
    assert ("What falls short: the hidden units agree" in text) == (verdict != "bloom")


@pytest.mark.parametrize(
    ("method", "said"),
    [("all", "Of all 120 sets"), ("drawn", "120 drawn sets"), ("held-out", "the held-out lines")],
)
def test_evaluated_sets_are_named(tmp_path: Path, method: str, said: str) -> None:
    trained_run(tmp_path)
    unseen = {"sets": 7, "mse": 0.25, "p_exact": 0.125}
    edited(tmp_path, "behaviour.json", method=method, unseen_tokens=unseen)
    text = head(tmp_path)
    assert said in text
    assert "7 distinct sets hold a token that training never showed" in text
    assert "12.50 % exactly right" in text


def test_units_are_counted_by_class(tmp_path: Path) -> None:
    trained_run(tmp_path)
    mechanism = atomic.read_json(tmp_path / "mechanism.json")
    kinds = ["bit"] * 5 + ["graded"] * 2 + ["dead", "always on"] + ["unclear"] * 3
    for unit, kind in zip(mechanism["units"], kinds, strict=True):
        unit["kind"] = kind
    atomic.write_json(tmp_path / "mechanism.json", mechanism)
    html = unscripted(page(tmp_path))
    text = words(html)
    for said in ("5 bit", "2 graded", "1 dead", "1 always on", "3 unclear"):
        assert said in text
    assert html.count('class="unit always-on"') == 2  # in the strip and in its legend
    assert [html.count(glyph) for glyph in ("■", "◧", "□", "●", "?</span>")] == [6, 3, 2, 2, 4]


def test_both_objectives_of_kl_then_mse_are_drawn(study_page: str) -> None:
    html = study_page
    assert "kl (nats per set)" in html
    assert "mse (squared error per set)" in html
    assert "best random code" in html


def test_article_size_study_stays_under_a_megabyte(tmp_path: Path) -> None:
    study(tmp_path, seeds=2, task=KSparseTask(256, 3), width=48)
    for seed in range(2):
        add_evidence(tmp_path / f"seed-{seed}", 256, 48, 3, seed)
    html = page(tmp_path)
    assert len(html.encode()) < 1_000_000
    assert sum(map(len, re.findall("<svg.*?</svg>", html, re.DOTALL))) < 450_000


def test_damaged_folders_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"config\.json is not there"):
        write_report(tmp_path)
    (tmp_path / "study.json").write_text("[]")
    with pytest.raises(FileError, match="no JSON object"):
        write_report(tmp_path)
    (tmp_path / "study.json").write_text(json.dumps({"runs": []}))
    with pytest.raises(FileError, match="no run folder seed-N"):
        write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_missing_key_is_one_clear_line(tmp_path: Path) -> None:
    constructed_run(tmp_path)
    mechanism = atomic.read_json(tmp_path / "mechanism.json")
    del mechanism["unit_agreement"]
    atomic.write_json(tmp_path / "mechanism.json", mechanism)
    with pytest.raises(FileError, match="has no 'unit_agreement'"):
        write_report(tmp_path)


def test_shares_never_round_to_all_or_nothing() -> None:
    assert percent(1.0) == "100\u00a0%"
    assert percent(0.0) == "0\u00a0%"
    assert percent(0.9999999) == "99.99999\u00a0%"
    assert percent(3.6e-7) == "0.00004\u00a0%"
    assert percent(1 - 1e-12) == "over 99.999999\u00a0%"
    assert figure(0.0037400) == "0.00374"
    assert figure(1.5e-7) == "1.50\u00a0×\u00a010⁻⁷"


def test_decimals_and_spans_by_hand() -> None:
    assert decimal(-0.0912) == "\u22120.091"
    assert decimal(-0.0001) == "0.000"
    assert decimal(0.9137) == "0.914"
    assert spans([]) == ""
    assert spans([3, 9, 10, 11]) == "3, 9 to 11"
    assert spans([1, 2, 4]) == "1, 2, 4"


def test_report_stands_below_evidence() -> None:
    for source in Path(relubloom.report.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith(
                    ("relubloom.evidence", "relubloom.study", "relubloom.sweep", "relubloom.cli")
                )
