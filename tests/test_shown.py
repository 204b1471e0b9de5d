"""Objects that show themselves: a line of text, a small table in a notebook, nothing unescaped."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

import relubloom as rb
from build.process import DATA
from build.sweep import rows_of, sweep
from relubloom.records.files import read_record
from relubloom.records.study import StudyRecord
from relubloom.records.sweep_row import SweepRow
from relubloom.shown import Shown
from relubloom.sweep.results import Results

CODE = rb.Code([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0]])
HOSTILE = "<script>alert(1)</script>\n\x1b[31m"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Shown]:
    """One of each kind."""
    folder = tmp_path_factory.mktemp("shown")
    task = rb.KSparseTask(12, 2)
    net, _ = rb.train(task, 6, rb.Recipe(steps=5, batch_size=8))
    evidence = rb.gather_evidence(net, task, depth="study")
    Results(folder, create=True).record(rows_of(sweep([4, 6], lambda _: 0.01, seeds=2)))
    return {
        "task": task,
        "net": net,
        "code": CODE,
        "graded": rb.GradedCode([[0, 1, 2], [2, 0, 1]]),
        "evidence": evidence,
        "behaviour": evidence.behaviour,
        "mechanism": evidence.mechanism,
        "interventions": evidence.interventions or pytest.fail("asked for"),
        "ladder": evidence.ladder or pytest.fail("asked for"),
        "certificate": evidence.certificate or pytest.fail("all sets"),
        "plan": rb.plan(256, 3, width=48),
        "study": rb.Study(task, 4),
        "record": read_record(DATA / "schema-1" / "study", StudyRecord) or pytest.fail("a sample"),
        "sweep": rb.load_results(folder),
    }


def test_each_is_one_short_line(shown: dict[str, Shown]) -> None:
    for name, each in shown.items():
        line = repr(each)
        assert line.startswith(f"{type(each).__name__}("), name
        assert line.isprintable() and len(line) < 200, name
        assert len(each.MAIN) > 1 or "=" in line, name


def test_each_is_a_table_without_scripts_in_light_and_dark(shown: dict[str, Shown]) -> None:
    for name, each in shown.items():
        html = each._repr_html_()
        tree = ElementTree.fromstring(html)
        assert tree.find("table/caption").text == type(each).__name__, name
        assert "<script" not in html and "prefers-color-scheme: dark" in html
        assert len(html) < 60_000, name


def test_a_notebook_of_its_own_theme_has_tables_of_that() -> None:
    html = CODE._repr_html_()
    for theme, paper in (("true", "#fdfdfb"), ("false", "#15181b")):
        rule = html[html.index(f"[data-jp-theme-light={theme}]") :]
        assert rule[rule.index("{") :].split()[1:3] == ["--paper:", f"{paper};"]


def test_what_the_lines_say(shown: dict[str, Shown]) -> None:
    assert repr(shown["task"]) == "KSparseTask(vocab_size=12, set_size=2, source=uniform)"
    assert repr(rb.KSparseTask(12, (2, 4))).startswith("KSparseTask(vocab_size=12, set_size=2..4")
    assert repr(CODE) == "Code(vocab_size=3, width=4, weight=2.00 ± 0.00)"
    evidence = shown["evidence"]
    line = f"verdict={evidence.verdict}, behaviour.mse={evidence.behaviour.mse:.4g}"
    assert line in repr(evidence)
    assert "behaviour" not in evidence._repr_html_()
    assert "mse=0.008837" in repr(shown["plan"])
    assert f"verdict={shown['record'].verdict}, networks=1" in repr(shown["record"])
    assert repr(shown["sweep"]).startswith("SweepTable(runs=4, verdicts=")


def test_lines_are_told_by_their_number() -> None:
    sets = rb.ListedSets.of([[0, 1], [1, 0], [2, 3]], 4)
    assert repr(sets) == "ListedSets(2 sets, 3 with copies, method='listed')"
    file = rb.KSparseTask.from_file(DATA / "debtags.sets").file
    assert len(repr(file)) < 400


def test_bits_are_tiles_sorted_by_the_first_tokens() -> None:
    # Rows 1100, 0011, 1010; units in the order 0 (bits of tokens 0, 2), 1 (0), 2 (1, 2), 3 (1).
    tree = ElementTree.fromstring(CODE._repr_html_())
    (path,) = tree.findall("svg/path")
    tiles = [part.split("h")[0] for part in path.get("d").split("M")[1:]]
    assert tiles == ["0 0", "1 0", "2 1", "3 1", "0 2", "2 2"]
    assert path.get("fill") == "var(--bit)"


def test_half_bits_are_half_as_dark() -> None:
    tree = ElementTree.fromstring(rb.GradedCode([[1, 2], [2, 0]])._repr_html_())
    shades = {path.get("fill-opacity"): path.get("d").count("M") for path in tree.iter("path")}
    assert shades == {"0.5": 1, "1": 2}


def test_names_from_files_are_escaped_and_cut(tmp_path: Path) -> None:
    settings = {"vocab_size": 4, "objective": HOSTILE, "width": 2, "set_size": 1, "seed": 0}
    row = SweepRow("run", "failed", settings, reason=HOSTILE)
    Results(tmp_path, create=True).record([row])
    html = rb.load_results(tmp_path)._repr_html_()
    assert "&lt;script&gt;" in html and "<script" not in html and "\x1b" not in html
    long = tmp_path / f"{'x' * 150}.sets"
    long.write_text("a b\nb c\na c\n")
    line = repr(rb.KSparseTask.from_file(long))
    assert len(line) < 200 and "…" in line


def test_a_long_table_says_how_much_is_left(tmp_path: Path) -> None:
    Results(tmp_path, create=True).record(rows_of(sweep(range(4, 9), lambda _: 0.01, seeds=3)))
    html = rb.load_results(tmp_path)._repr_html_()
    assert html.count("<tr>") == 2 + 1 + 12
    assert "and 3 more" in html
