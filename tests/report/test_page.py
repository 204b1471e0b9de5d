"""The report page: what it says, what it escapes, and that it stands alone."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from markupsafe import Markup

from build.evidence import add_evidence, certificate, dynamics
from build.golden import hold, lines
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
from relubloom import reading
from relubloom.code import Code, random_constant_weight
from relubloom.evidence import gather_evidence
from relubloom.network.construct import construct
from relubloom.network.relu_net import ReluNet
from relubloom.records.files import write_record
from relubloom.records.labels import default_labels
from relubloom.records.run_folder import Origin, write_network
from relubloom.report.explorer.embed import Explorer
from relubloom.report.page import render, tell, write_report
from relubloom.report.read import read_contents
from relubloom.study.steps import write_evidence
from relubloom.task import KSparseTask

LONG = "x" * 10_000
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    LONG,
    "' onmouseover='alert(3)",
    "{{ 7 * 7 }}",
    "`W_in`",
    "\u05e9\u05dc\u05d5\u05dd",  # right to left
    "\u202egnp.exe",  # an override of direction
    "👩‍🚀🥝",
    "\x07bell",
    "$\\frac",
    "日本語",
    "a&b",
)
COMMIT = "0123456789abcdef"


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with everything that a folder can hold."""
    folder = tmp_path_factory.mktemp("full")
    study(folder)
    for seed in range(3):
        add_evidence(folder / f"seed-{seed}", 16, 12, 2, seed)
        write_record(folder / f"seed-{seed}", certificate())
        write_record(folder / f"seed-{seed}", dynamics(split_step=1842))
        edited(folder / f"seed-{seed}", "config.json", git_commit=COMMIT)
    return folder


@pytest.fixture(scope="module")
def html(full: Path) -> str:
    return page(full)


def still_page(folder: Path) -> str:
    """The page without its live part."""
    contents = read_contents(folder)
    return render(contents, tell(contents))


# What it says ----------------------------------------------------------------------------------


def test_every_sentence_and_number_of_a_study(html: str) -> None:
    hold("study.txt", lines(html))


def test_every_sentence_and_number_of_a_constructed_network(tmp_path: Path) -> None:
    constructed_run(tmp_path)
    edited(tmp_path, "config.json", git_commit=COMMIT, relubloom_version="0.0")
    add_evidence(tmp_path, 16, 12, 2)
    write_record(tmp_path, certificate())
    hold("constructed.txt", lines(page(tmp_path)))


def test_every_sentence_and_number_of_bare_weights(tmp_path: Path) -> None:
    noisy(random_constant_weight(9, 6, 2, 0), 0).save_pretrained(tmp_path)
    edited(tmp_path, "config.json", relubloom_version="0.0")
    hold("bare.txt", lines(page(tmp_path)))


def test_smallest_network_has_a_page(tmp_path: Path) -> None:
    zero = torch.zeros
    ReluNet(zero(1, 1), zero(1), zero(1, 1), zero(1)).save_pretrained(tmp_path)
    assert "histogram of all 1 entries" in words(page(tmp_path))


def test_absent_figures_become_words(tmp_path: Path) -> None:
    """Disjoint hashes: no set fails, so there is nothing to explain."""
    net = construct(Code(np.eye(6, dtype=bool)), 20.0)
    task = KSparseTask(6, 2)
    write_network(tmp_path, net, Origin(task, 0), default_labels(6))
    write_evidence(tmp_path, gather_evidence(net, task.evaluation_sets()))
    assert reading.read_json(tmp_path / "mechanism.json")["failures_explained"] is None
    text = words(page(tmp_path))
    assert "ranks every one exactly right, so there are no ranking failures to explain" in text
    assert "no failures" in text
    assert "two values" in text
    assert "None" not in text.replace("None of", "")
    assert "null" not in text
    assert "nan" not in text.lower()


def test_task_without_its_size_has_no_example(tmp_path: Path) -> None:
    trained_run(tmp_path)
    edited(tmp_path, "config.json", task={})
    assert "does not say its set size, so no example is worked through" in words(page(tmp_path))


def test_both_objectives_of_kl_then_mse_are_drawn(html: str) -> None:
    assert "kl (nats per set)" in html
    assert "mse (squared error per set)" in html
    assert "best random code" in html


# How it stands ---------------------------------------------------------------------------------


def test_path_is_returned_and_the_page_is_the_same_each_time(full: Path, html: str) -> None:
    path = write_report(full)
    assert path == full / "report.html"
    assert path.read_text(encoding="utf-8") == html


def test_page_asks_for_nothing(full: Path, html: str) -> None:
    assert "http://" not in html
    assert "https://" not in html
    assert "@import" not in html
    assert "<script" not in unscripted(html).lower()
    assert not re.search(r"url\(\s*['\"]?(?!#)", html)
    for address in re.findall(r"(?:src|href)=\"([^\"]*)\"", html):
        local = address.startswith(("#", "data:image/png;base64,"))
        assert local or (full / address).exists(), address


def test_html_is_well_formed_and_ids_are_unique(html: str) -> None:
    parser = Balance()
    parser.feed(html)
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))
    assert {"svg", "table", "h1", "figcaption"} <= parser.tags


def test_every_section_link_leads_to_a_section(html: str) -> None:
    nav = html[html.index("<nav") : html.index("</nav>")]
    targets = re.findall(r'href="#([^"]+)"', nav)
    assert len(targets) == 10
    places = [html.index(f'id="{target}"') for target in targets]
    assert places == sorted(places)


def test_each_live_part_has_one_empty_place(html: str) -> None:
    for name in ("hero", "networks", "break", "proof", "film"):
        assert html.count(f'data-mount="{name}"></div>') == 1


def test_static_figure_follows_the_live_part_that_replaces_it(html: str) -> None:
    for name in ("hero", "networks"):
        assert re.search(f'data-mount="{name}"></div>\\s*<figure [^>]*data-fallback>', html)
    assert html.count("data-fallback>") == 2


def test_study_reads_its_own_folders_wherever_it_was_moved(
    full: Path, html: str, tmp_path: Path
) -> None:
    moved = tmp_path / "elsewhere"
    full.rename(moved)
    try:
        assert page(moved) == html
    finally:
        moved.rename(full)


def test_article_size_study_stays_under_a_megabyte(tmp_path: Path) -> None:
    study(tmp_path, seeds=2, task=KSparseTask(256, 3), width=48)
    for seed in range(2):
        add_evidence(tmp_path / f"seed-{seed}", 256, 48, 3, seed)
    html = page(tmp_path)
    assert len(html.encode()) < 1_000_000
    assert sum(map(len, re.findall("<svg.*?</svg>", html, re.DOTALL))) < 450_000


def test_nothing_is_run_or_fetched_without_an_explorer(full: Path) -> None:
    html = still_page(full)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    assert "default-src 'none'" in policy.group(1)
    assert "connect-src 'none'" in policy.group(1)
    assert "script-src" not in policy.group(1)
    assert "<script" not in html


def test_explorer_is_put_in_with_its_policy(full: Path) -> None:
    explorer = Explorer(
        style=Markup("<style>x{}</style>"),
        data=Markup('<script type="application/json">{}</script>'),
        script=Markup("<script>1</script>"),
        policy="script-src 'sha256-abc='",
    )
    contents = read_contents(full)
    html = render(contents, tell(contents), explorer)
    assert "img-src data:; script-src &#39;sha256-abc=&#39;" in html
    assert html.index("<style>x{}</style>") < html.index("</head>")
    assert html.rstrip().endswith("<script>1</script>\n</body>\n</html>")


# What it escapes -------------------------------------------------------------------------------


def test_hostile_labels_stay_text_everywhere(tmp_path: Path) -> None:
    labels = HOSTILE + default_labels(TASK.vocab_size)[len(HOSTILE) :]
    trained_run(tmp_path, labels=labels)
    add_evidence(tmp_path, TASK.vocab_size, 12, 2)
    assert "<script" not in unscripted(page(tmp_path))
    html = still_page(tmp_path)
    parser = Balance()
    parser.feed(html)
    assert parser.open == []
    assert not {"script", "img"} & parser.tags
    assert not re.search(r"<[^>]*\sonmouseover=", html)
    assert "&lt;script" in html
    assert "{{ 7 * 7 }}" in html
    assert "xxxxx…" in html
    assert LONG not in html
    assert "\x07" not in html
    assert len(html) < 400_000
    for figure in (tmp_path / "figures").glob("*.svg"):
        assert LONG not in figure.read_text(encoding="utf-8")
