"""Two networks side by side: matched units, shared failures, and the command."""

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from build.process import Outcome
from relubloom.code import Code, random_constant_weight
from relubloom.errors import UsageError
from relubloom.network.construct import construct
from relubloom.network.relu_net import ReluNet
from relubloom.records.files import write_record
from relubloom.records.interventions import Control, Explained, Intervened, Interventions
from relubloom.records.ladder import Agreement, Kind, Ladder, ScoredRung
from relubloom.study.agreement import match_codes, measure_agreement
from relubloom.study.compare import difference
from relubloom.task import AllSets, ListedSets

# Tokens 0 and 1 cover 2, and 0 with 3 covers everything.
FORCED = Code(np.array([[1, 1, 0, 0], [0, 1, 1, 0], [1, 0, 1, 0], [0, 0, 1, 1]], dtype=bool))
# Tokens 0 and 1 have one hash, so a set with just one of them has the other as false positive.
TWINS = Code(np.array([[1, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]], dtype=bool))


def test_a_matching_by_hand() -> None:
    # Our columns (1,0,1) and (0,1,1), theirs (0,1,1) and (1,0,0). Straight they disagree on 2 + 3
    # tokens, crosswise on 1 + 0.
    first = Code(np.array([[1, 0], [0, 1], [1, 1]]))
    second = Code(np.array([[0, 1], [1, 0], [1, 0]]))
    match = match_codes(first, second)
    assert match.units == [1, 0]
    assert match.differing == 1
    assert match.entries == 6
    assert not match.equal_up_to_units


@given(st.integers(1, 12), st.integers(1, 70), st.integers(0, 1000))
def test_a_planted_order_of_units_is_found(vocab: int, width: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    bits = draw.random((vocab, width)) < 0.4
    order = draw.permutation(width)
    match = match_codes(Code(bits), Code(bits[:, order]))
    assert match.equal_up_to_units
    assert match.differing == 0
    partners = np.array(match.units)
    assert np.array_equal(bits, bits[:, order][:, partners])
    assert sorted(match.units) == list(range(width))


@given(st.integers(1, 6), st.integers(1, 4), st.integers(1, 4), st.integers(0, 1000))
def test_the_matching_is_the_best_there_is(vocab: int, a: int, b: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    first, second = draw.random((vocab, a)) < 0.5, draw.random((vocab, b)) < 0.5
    width = max(a, b)
    filled = [np.pad(bits, ((0, 0), (0, width - bits.shape[1]))) for bits in (first, second)]
    best = min(
        int((filled[0] != filled[1][:, list(order)]).sum())
        for order in itertools.permutations(range(width))
    )
    match = match_codes(Code(first), Code(second))
    assert match.differing == best
    assert match.entries == vocab * width
    assert len(match.units) == a
    assert sum(unit is not None for unit in match.units) == min(a, b)


def test_a_narrower_code_gets_empty_units() -> None:
    narrow = Code(np.array([[1, 0], [0, 1], [1, 1]]))
    wide = Code(np.array([[0, 0, 1], [0, 1, 0], [0, 1, 1]]))  # its unit 0 is empty
    assert match_codes(narrow, wide).equal_up_to_units
    assert match_codes(narrow, wide).units == [2, 1]
    assert match_codes(wide, narrow).units == [None, 1, 0]
    full = Code(np.array([[1, 0, 1], [1, 1, 0], [0, 1, 1]]))  # a unit with 2 bits too many
    match = match_codes(narrow, full)
    assert (match.differing, match.entries) == (2, 9)


def test_unrelated_codes_differ_as_much_as_shuffled_ones() -> None:
    match = match_codes(
        random_constant_weight(200, 24, 5, 0), random_constant_weight(200, 24, 5, 1)
    )
    assert match.differing == pytest.approx(match.shuffled_differing, rel=0.03)
    own = match_codes(random_constant_weight(200, 24, 5, 0), random_constant_weight(200, 24, 5, 0))
    assert own.differing == 0
    assert own.shuffled_differing == pytest.approx(match.differing, rel=0.03)


def test_codes_of_different_vocabularies_are_refused() -> None:
    with pytest.raises(UsageError, match="the codes have 4 and 3 tokens"):
        match_codes(FORCED, Code(np.eye(3, dtype=bool)))


def test_agreement_by_hand() -> None:
    # Pairs in order 01 02 12 03 13 23. FORCED has 1 1 1 2 0 0 false positives, TWINS 0 1 1 1 1 0.
    # Both fail on 02 12 03: F1 = 2 * 3 / (4 + 4), and by chance 2 (4/6)^2 / (8/6) = 2/3.
    # mse F/(2(2 + F)) in twelfths: (2 2 2 3 0 0), mean 3/2, variance 21/6 - 9/4 = 5/4; and
    # (0 2 2 2 2 0), mean 4/3, variance 16/6 - 16/9 = 8/9. Covariance 14/6 - 2 = 1/3, so the
    # correlation is (1/3) / sqrt(10/9) = 1/sqrt(10).
    found = measure_agreement(construct(FORCED, 40.0), construct(TWINS, 40.0), AllSets(4, 2))
    assert (found.sets, found.method) == (6, "all")
    for shared in (found.loss_failures, found.ranking_failures):
        assert (shared.a, shared.b, shared.both) == pytest.approx((4 / 6, 4 / 6, 3 / 6))
        assert shared.f1 == pytest.approx(3 / 4)
        assert shared.f1_by_chance == pytest.approx(2 / 3)
    assert found.a["mse"] == pytest.approx(9 / 72)
    assert found.b["mse"] == pytest.approx(8 / 72)
    assert found.a["p_exact"] == found.b["p_exact"] == pytest.approx(2 / 6)
    assert found.a["kl"] == pytest.approx((3 * np.log(3 / 2) + np.log(2)) / 6)
    assert found.loss_correlation == pytest.approx(1 / np.sqrt(10))


def test_copies_count_and_padding_does_not() -> None:
    # The pair 02 (both fail) thrice, 01 (FORCED alone) once, {3} alone in its set (none) twice.
    sets = ListedSets(
        torch.tensor([[0, 2], [0, 1], [3, 4]]), torch.tensor([3, 1, 2]), torch.zeros(3).bool()
    )
    found = measure_agreement(construct(FORCED, 40.0), construct(TWINS, 40.0), sets)
    assert found.method == "held-out"
    assert found.loss_failures.both == pytest.approx(3 / 6)
    assert found.loss_failures.f1 == pytest.approx(2 * 3 / (4 + 3))
    # mse in twelfths 2 2 0 and 2 0 0 with weights 3 1 2: means 4/3 and 1, covariance 2 - 4/3,
    # variances 16/6 - 16/9 = 8/9 and 2 - 1: (2/3) / sqrt(8/9) = 1/sqrt(2).
    assert found.loss_correlation == pytest.approx(1 / np.sqrt(2))


def test_networks_without_failures_have_nothing_to_share() -> None:
    exact = construct(Code(np.eye(5, dtype=bool)), 40.0)
    found = measure_agreement(exact, exact, AllSets(5, 1))
    assert found.loss_failures.f1 is None
    assert found.loss_failures.f1_by_chance is None
    assert found.loss_correlation is None  # the same mse on every set
    one = measure_agreement(
        exact, construct(Code(np.eye(5, dtype=bool)[:, :3]), 40.0), AllSets(5, 1)
    )
    assert one.loss_failures.f1 == 0
    assert one.code.differing == 2


def test_a_network_agrees_with_itself_in_another_order_of_units() -> None:
    code = random_constant_weight(20, 12, 3)
    order = np.random.default_rng(1).permutation(12)
    found = measure_agreement(
        construct(code, 20.0), construct(Code(code.bits[:, order]), 20.0), AllSets(20, 3)
    )
    assert found.code.equal_up_to_units
    assert found.loss_failures.f1 == 1
    assert found.loss_correlation == pytest.approx(1)


def test_progress_counts_the_sets_of_both() -> None:
    seen: list[tuple[int, int]] = []
    net = construct(FORCED, 40.0)
    measure_agreement(net, net, AllSets(4, 2), on_sets=lambda *each: seen.append(each))
    assert seen == [(6, 12), (12, 12)]


def test_differences_are_of_numbers_only() -> None:
    a = {"x": 1.5, "y": {"z": None}, "name": "p", "flag": True, "only": 1}
    b = {"x": 1.0, "y": {"z": 2}, "name": "q", "flag": False, "more": {"n": 3}}
    assert difference(a, b) == {
        **{"x": -0.5, "y": {"z": None}, "name": None, "flag": None, "only": None},
        "more": {"n": None},
    }


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders with nothing but weights and their config."""
    for name, code in (("first", FORCED), ("second", TWINS)):
        construct(code, 40.0).save_pretrained(tmp_path / name)
    return tmp_path / "first", tmp_path / "second"


def test_bare_folders_need_a_set_size(
    folders: tuple[Path, Path], relubloom: Callable[..., Outcome]
) -> None:
    done = relubloom("compare", *folders, "--json")
    assert done.status == 2
    assert "does not say its set_size; pass --set-size k or a..b" in done.error
    done = relubloom("compare", *folders, "--set-size", 2, "--json", "--quiet")
    assert done.status == 0
    assert done.err == ""
    assert done.json.keys() == {"a", "b", "differences", "agreement"}
    assert done.json["a"]["dir"] == str(folders[0])
    assert done.json["a"]["network"] == {"vocab_size": 4, "width": 4}
    assert done.json["a"]["behaviour"] is None
    assert done.json["a"]["mse"] is None
    found = done.json["agreement"]
    assert found["loss_failures"]["f1"] == pytest.approx(3 / 4)
    assert found["task"] == {"source": "uniform", "vocab_size": 4, "set_size": 2}
    assert found["task_of"] == []
    # Tokens of each unit: 02, 01, 123, 3 against 01, 2, 3 and none. 01 is there, 02 and 2 differ
    # in one token, and the rest in three: 123 with 3 and 3 with none, or the other way round.
    assert found["code"]["differing"] == 4
    assert found["code"]["units"][:2] == [1, 0]
    assert {path.name for path in folders[0].iterdir()} == {"config.json", "model.safetensors"}


def test_the_text_of_bare_folders(
    folders: tuple[Path, Path], relubloom: Callable[..., Outcome]
) -> None:
    done = relubloom("compare", *folders, "-k", 2, "--quiet")
    assert done.status == 0
    assert "a was not examined" in done.out
    assert "On all 6 sets of 2 tokens (the task of neither):" in done.out
    assert "both 50.000%, F1 0.750 (by chance 0.667)" in done.out
    assert "4 of 16 entries differ after matching units" in done.out
    assert "\x1b" not in done.out


def test_examined_folders_side_by_side(
    folders: tuple[Path, Path], relubloom: Callable[..., Outcome]
) -> None:
    for folder in folders:
        assert relubloom("examine", folder, "-k", 2, "--quiet").status == 0
    done = relubloom("compare", *folders, "-k", 2, "--json", "--quiet")
    # 9/72 and 8/72, by the mse of the hand-worked agreement.
    assert done.json["differences"]["mse"] == pytest.approx(-1 / 72)
    assert done.json["differences"]["bits_per_token"]["mean"] == pytest.approx(1 - 2)
    assert done.json["differences"]["mode_gap"] is None
    assert done.json["a"]["verdict"] == done.json["b"]["verdict"] == "bloom"
    assert done.json["differences"]["behaviour"]["loss_failures"] == pytest.approx(0)
    text = relubloom("compare", *folders, "-k", 2, "--quiet").out
    (mse,) = (line for line in text.splitlines() if line.startswith("mse  "))
    assert mse.split() == ["mse", "0.125000", "0.111111", "-0.013889"]
    # What a study's row has, of any file, stands before the further figures of each file.
    assert text.index("\nmse of its hash") < text.index("\nloss failures  ")
    assert "not examined" not in text


def test_what_one_folder_lacks_is_a_dash(
    folders: tuple[Path, Path], relubloom: Callable[..., Outcome]
) -> None:
    assert relubloom("examine", folders[0], "-k", 2, "--quiet").status == 0
    text = relubloom("compare", *folders, "-k", 2, "--quiet").out
    (mse,) = (line for line in text.splitlines() if line.startswith("mse  "))
    assert mse.split() == ["mse", "0.125000", "-"]
    assert f"b was not examined; `relubloom examine {folders[1]}` finds its figures" in text


def intervened(
    name: str,
    *,
    f1: float | None = None,
    exact_match: float | None = None,
    control: float,
    explained: float | None = None,
) -> Intervened:
    def match(f1: float | None, exact_match: float | None = None) -> dict[str, Any]:
        return {
            **{"precision": None, "recall": None, "f1": f1, "exact_match": exact_match},
            **{"by_loss": Agreement(None, None, None), "changes": None},
        }

    return Intervened(
        **match(f1, exact_match),
        name=name,
        question="",
        prediction="",
        cases=1,
        predicted_share=None,
        loss_correlation=None,
        control=Control(**match(control), name="wrong"),
        explained=None if explained is None else Explained(**match(explained), name="weak-bits"),
    )


def rung(name: str, kind: Kind, closed: float, f1: float | None) -> ScoredRung:
    failures = Agreement(f1, f1, f1)
    return ScoredRung(name, "", "", kind, 16, 0.1, 0.1, closed, failures, failures, None)


def test_interventions_and_explanations_by_name(
    folders: tuple[Path, Path], relubloom: Callable[..., Outcome]
) -> None:
    assert relubloom("examine", folders[0], "-k", 2, "--quiet").status == 0
    (folders[0] / "ladder.json").unlink()
    forced = intervened("force-covered", f1=0.75, control=0.25, explained=0.875)
    patched = intervened("patch-donor", exact_match=1.0, control=0.0)
    lower = intervened("force-covered", f1=0.5, control=0.25, explained=0.875)
    for folder, listed in zip(folders, ([forced, patched], [lower]), strict=True):
        write_record(folder, Interventions(set_size=2, seed=0, interventions=listed))
    rungs = [rung("uniform", "baseline", 0.0, None), rung("hash", "explanation", 0.9, 1.0)]
    write_record(folders[1], Ladder(6, "all", 4, 4, 1280, rungs))
    done = relubloom("compare", *folders, "-k", 2, "--json", "--quiet").json
    assert done["a"]["interventions"]["force-covered"] == {
        **{"f1": 0.75, "exact_match": None, "control_f1": 0.25, "explained_f1": 0.875}
    }
    assert done["differences"]["interventions"]["force-covered"]["f1"] == -0.25
    assert done["differences"]["interventions"]["patch-donor"]["f1"] is None
    assert done["a"]["ladder"] is None
    assert list(done["b"]["ladder"]) == ["hash"]
    assert done["b"]["ladder"]["hash"]["loss_failures_f1"] == 1.0
    lines = relubloom("compare", *folders, "-k", 2, "--quiet").out.splitlines()
    shown = [line.split() for line in lines]
    assert ["force-covered,", "F1", "0.750", "0.500", "-0.250"] in shown
    assert ["patch-donor,", "F1", "of", "its", "control", "0.000", "-"] in shown
    assert ["hash,", "log", "gap", "closed", "-", "0.900"] in shown


def test_folders_of_tasks_that_differ(relubloom: Callable[..., Outcome], tmp_path: Path) -> None:
    for size in (2, 3):
        out = ("--out", tmp_path / str(size), "--seed", size)
        assert relubloom("construct", "-N", 12, "-d", 8, "-k", size, *out).status == 0
    pair = (tmp_path / "3", tmp_path / "2")
    found = relubloom("compare", *pair, "--json", "--quiet").json["agreement"]
    assert found["sets"] == 220
    assert found["task_of"] == ["a"]
    assert "sets of 3 tokens (the task of a alone)" in relubloom("compare", *pair, "-q").out
    other = relubloom("compare", *pair, "-k", 2, "--json", "--quiet").json["agreement"]
    assert other["sets"] == 66
    assert other["task_of"] == ["b"]
    same = relubloom("compare", pair[0], pair[0], "--json", "--quiet").json["agreement"]
    assert same["task_of"] == ["a", "b"]
    assert same["code"]["equal_up_to_units"]
    assert same["loss_failures"]["f1"] == 1
    both = relubloom("compare", *pair, "-k", "1..2", "--json", "--quiet").json["agreement"]
    assert both["method"] == "drawn"


def test_held_out_lines_of_a_sets_file_that_was_moved(
    relubloom: Callable[..., Outcome], tmp_path: Path
) -> None:
    before, now = tmp_path / "before.sets", tmp_path / "now.sets"
    before.write_text("a b\na c\nb c\nc d\nd a\n" * 2)
    pair = (tmp_path / "0", tmp_path / "1")
    for seed, out in enumerate(pair):
        train = ("train", "--sets", before, "-d", 4, "--steps", 2, "--seed", seed, "--out", out)
        assert relubloom(*train, "--quiet").status == 0
    before.rename(now)
    assert "pass --sets FILE" in relubloom("compare", *pair, "--quiet").error
    found = relubloom("compare", *pair, "--sets", now, "--json", "--quiet").json["agreement"]
    assert (found["method"], found["sets"]) == ("held-out", 1)  # a fifth of the 5 distinct sets
    assert found["task_of"] == ["a", "b"]
    assert found["same_tokens"]


def test_the_second_folder_may_be_the_one_that_says_its_size(
    relubloom: Callable[..., Outcome], tmp_path: Path
) -> None:
    assert relubloom("construct", "-N", 4, "-d", 4, "-k", 2, "--out", tmp_path / "c").status == 0
    construct(FORCED, 40.0).save_pretrained(tmp_path / "bare")
    done = relubloom("compare", tmp_path / "bare", tmp_path / "c", "--json", "--quiet")
    assert done.json["agreement"]["task_of"] == ["b"]
    assert not done.json["agreement"]["task"].keys() - {"source", "vocab_size", "set_size"}


def test_other_labels_are_named(
    folders: tuple[Path, Path], relubloom: Callable[..., Outcome]
) -> None:
    (folders[0] / "tokens.txt").write_text("ant\nbee\ncat\ndog\n")
    done = relubloom("compare", *folders, "-k", 2, "--json", "--quiet").json
    assert not done["agreement"]["same_tokens"]
    text = relubloom("compare", *folders, "-k", 2, "--quiet").out
    assert "Tokens were compared by id; their labels differ." in text
    assert "b - a" not in text  # no table of figures where neither was examined


def test_vocabularies_that_differ_are_compared_by_figures_alone(
    folders: tuple[Path, Path], relubloom: Callable[..., Outcome], tmp_path: Path
) -> None:
    construct(Code(np.eye(7, dtype=bool)), 40.0).save_pretrained(tmp_path / "seven")
    done = relubloom("compare", folders[0], tmp_path / "seven", "--json")
    assert done.status == 0
    assert done.json["agreement"] is None
    assert done.json["differences"]["network"] == {"vocab_size": 3, "width": 3}
    text = relubloom("compare", folders[0], tmp_path / "seven").out
    assert "The networks have 4 and 7 tokens: no set can be given to both." in text


def test_a_study_is_no_run_folder(
    folders: tuple[Path, Path], relubloom: Callable[..., Outcome], tmp_path: Path
) -> None:
    study = tmp_path / "study"
    shutil.copytree(folders[0], study / "seed-0")
    for pair in ((study, folders[0]), (folders[0], study)):
        done = relubloom("compare", *pair)
        assert done.status == 1
        assert f"is a study; give one of its run folders, such as {study / 'seed-0'}" in done.error


def test_errors_are_one_line(
    folders: tuple[Path, Path], relubloom: Callable[..., Outcome], tmp_path: Path
) -> None:
    done = relubloom("compare", folders[0], tmp_path / "nowhere")
    assert done.status == 1
    assert "nowhere is no folder" in done.error
    done = relubloom("compare", folders[0])
    assert done.status == 2
    assert "Missing" in done.error
    done = relubloom("compare", *folders, "-k", 5)
    assert done.status == 2
    assert "set_size is 5 and vocab_size is 4" in done.error
    (folders[1] / "behaviour.json").write_text("[1]")
    done = relubloom("compare", *folders, "-k", 2)
    assert done.status == 1
    assert "behaviour.json holds no JSON object; make it anew with" in done.error


def test_a_linear_network_is_named(relubloom: Callable[..., Outcome], tmp_path: Path) -> None:
    task = ("-N", 8, "-d", 4, "-k", 2, "--steps", 2, "--batch-size", 4, "--quiet")
    for activation in ("relu", "none"):
        out = ("--activation", activation, "--out", tmp_path / activation)
        assert relubloom("train", *task, *out).status == 0
    assert ReluNet.from_pretrained(tmp_path / "none").width == 4
    text = relubloom("compare", tmp_path / "relu", tmp_path / "none", "--quiet").out
    assert "8 tokens in 4 units, trained with mse, seed 0" in text
    assert "8 tokens in 4 units, trained without ReLU with mse, seed 0" in text
