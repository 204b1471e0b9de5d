"""A sweep's file: grids, seeds, identities, and what a typo is answered with."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from relubloom.errors import FileError, UsageError
from relubloom.sweep.settings import RunSettings
from relubloom.sweep.spec import read_spec
from relubloom.task import KSparseTask
from relubloom.training import Recipe

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def at(text: str) -> Path:
        path = tmp_path / "spec.toml"
        path.write_text(text)
        return path

    return at


def test_a_grid_is_a_product_times_seeds(write: Write) -> None:
    spec = read_spec(write("[[grid]]\nwidth = [8, 16]\nobjective = ['mse', 'kl']\nseeds = 3\n"))
    points = [(run.width, run.recipe.objective, run.seed) for run in spec.runs]
    assert points == [(w, o, s) for w in (8, 16) for o in ("mse", "kl") for s in (0, 1, 2)]
    assert spec.name == "spec"
    assert not spec.impossible


def test_defaults_stand_where_a_grid_says_nothing(write: Write) -> None:
    text = "[sweep]\nname='x'\n[defaults]\nwidth=9\nsteps=7\n[[grid]]\n[[grid]]\nwidth=5\nseed=4\n"
    spec = read_spec(write(text))
    assert [(run.width, run.recipe.steps, run.seed) for run in spec.runs] == [(9, 7, 0), (5, 7, 4)]
    assert spec.name == "x"


def test_a_run_of_two_grids_is_one_run(write: Write) -> None:
    spec = read_spec(write("[[grid]]\nseeds = 4\n[[grid]]\nwidth = [48, 16]\nseeds = 2\n"))
    assert len(spec.runs) == 4 + 2


def test_a_preset_gives_sizes_and_recipe(write: Write) -> None:
    (run,) = read_spec(write("[[grid]]\npreset = 'wide'\nset_size = '2..4'\n")).runs
    assert (run.task.vocab_size, run.width, run.recipe.steps) == (1000, 64, 6500)
    assert run.task.sizes == (2, 4)


def test_a_file_of_sets_lies_beside_the_spec(write: Write, tmp_path: Path) -> None:
    (tmp_path / "some.sets").write_text("a b\nb c\na c\n")
    (run,) = read_spec(write("[[grid]]\nsets = 'some.sets'\nwidth = 4\n")).runs
    assert run.task.vocab_size == 3
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "some.sets").rename(tmp_path / "elsewhere" / "same.sets")
    (moved,) = read_spec(write("[[grid]]\nsets = 'elsewhere/same.sets'\nwidth = 4\n")).runs
    assert moved.identity == run.identity  # the content counts, not the path
    (tmp_path / "elsewhere" / "names").write_text("c\na\nb\n")
    (named,) = read_spec(
        write("[[grid]]\nsets = 'elsewhere/same.sets'\ntokens = 'elsewhere/names'\nwidth = 4\n")
    ).runs
    assert named.task.file is not None
    assert named.task.file.tokens == ("c", "a", "b")


def test_a_generator_may_be_named(write: Write, tmp_path: Path) -> None:
    (tmp_path / "some.sets").write_text("a b\nb c\na c\n")
    text = "[defaults]\ngenerator = ['torch', 'philox']\n[[grid]]\n[[grid]]\nsets = 'some.sets'\n"
    runs = read_spec(write(text)).runs
    assert [run.task.generator for run in runs] == ["torch", "philox"] * 2
    (plain,) = read_spec(write("[[grid]]\n")).runs
    assert plain.identity == runs[0].identity


def test_a_preset_of_a_larger_vocabulary_fits_its_recipe_to_the_sizes(write: Write) -> None:
    axes = "preset = 'vocab-50257'\nvocab_size = 20000\nwidth = 256\nset_size = 5\n"
    kl, mse = read_spec(write(f"[[grid]]\n{axes}objective = ['kl', 'mse']\n")).runs
    assert kl.recipe == Recipe.for_sizes(20_000, 256, 5)
    assert mse.recipe == replace(kl.recipe, objective="mse", softmax="all")


def test_a_softmax_that_does_not_go_with_the_sets_is_an_impossible_point(write: Write) -> None:
    axes = "vocab_size = 12\nset_size = 2\nwidth = 4\nobjective = 'kl'\nsoftmax = 'batch'\n"
    spec = read_spec(write(f"[[grid]]\n{axes}source = ['uniform', 'zipf']\n"))
    assert [run.task.source for run in spec.runs] == ["uniform"]
    (found,) = spec.impossible
    assert found.reason is not None
    assert found.reason.startswith("softmax is 'batch' and source is 'zipf'")


def test_an_impossible_point_leaves_the_others(write: Write) -> None:
    spec = read_spec(write("[[grid]]\nvocab_size = 8\nset_size = [3, 9]\nwidth = [0, 4]\n"))
    assert [(run.task.set_size, run.width) for run in spec.runs] == [(3, 4)]
    reasons = [each.reason for each in spec.impossible]
    assert len(reasons) == 3
    assert any("width is 0" in reason for reason in reasons)
    assert any("set_size is 9 and vocab_size is 8" in reason for reason in reasons)
    assert len({each.run for each in spec.impossible}) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[grid]]\nwdith = 4\n", r"\[\[grid\]\] has a key 'wdith'.* nearest is 'width'"),
        ("[defaults]\nsede = 4\n[[grid]]\n", r"\[defaults\] has a key 'sede'.* 'seed"),
        ("[[gird]]\nwidth = 4\n", r"key 'gird', which there is not; the nearest is 'grid'"),
        ("seeds = 2\n[[grid]]\n", r"the file has a key 'seeds': it stands in \[\[grid\]\] or"),
        ("[sweep]\nwidth = 2\n[[grid]]\n", r"\[sweep\] has a key 'width': it stands in .*; move"),
        ("[sweep]\nnaem = 'x'\n[[grid]]\n", r"nearest is 'name'"),
        ("[sweep]\nname = 'x'\n", r"no \[\[grid\]\]"),
        ("[grid]\nwidth = 4\n", r"no \[\[grid\]\]"),
        ("grid = [{width = 4}, 3]\n", r"no \[\[grid\]\]"),
        ("sweep = 3\n[[grid]]\n", r"sweep is 3: it is a table"),
        ("[[grid]]\nwidth = 'wide'\n", r"width 'wide': it is a whole number"),
        ("[[grid]]\nwidth = [4, 4.5]\n", r"width 4.5: it is a whole number"),
        ("[[grid]]\nwidth = true\n", r"width True: it is a whole number"),
        ("[[grid]]\nobjective = 3\n", r"objective 3: it is a text"),
        ("[[grid]]\nlearning_rate = 'x'\n", r"learning_rate 'x': it is a number"),
        ("[[grid]]\nset_size = 2.5\n", r"set_size 2.5: it is a number or a range"),
        ("[[grid]]\nskip_bad = 1\n", r"skip_bad 1: it is true or false"),
        ("[[grid]]\nwidth = []\n", r"width \[\]: an axis has at least one value"),
        ("[[grid]]\nseeds = [1, 2]\n", r"seeds \[1, 2\]: it is one number"),
    ],
)
def test_a_mistake_is_one_clear_line(write: Write, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        read_spec(write(text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("point", "reason"),
    [
        ("preset = 'narrow'", "preset is 'narrow'"),
        ("set_size = 'few'", "set_size is 'few'"),
        ("seeds = 0", "seeds is 0"),
        ("seed = -1", "seed is -1"),
        ("training_pool = 0", "training_pool is 0"),
        ("steps = 0", "steps is 0"),
        ("sets = 'gone.sets'", "gone.sets"),
        ("tokens = 'gone.txt'", "tokens is given without sets"),
        ("skip_bad = true", "skip_bad is given without sets"),
        ("sets = 'gone.sets'\nvocab_size = 9", "vocab_size and sets are both given"),
    ],
)
def test_a_value_out_of_range_fails_alone(write: Write, point: str, reason: str) -> None:
    spec = read_spec(write(f"[[grid]]\n{point}\n[[grid]]\nwidth = 5\n"))
    assert [run.width for run in spec.runs] == [5]
    (found,) = spec.impossible
    assert reason in found.reason


def test_what_is_no_spec_is_refused(tmp_path: Path, write: Write) -> None:
    with pytest.raises(FileError, match=r"gone.toml is not there"):
        read_spec(tmp_path / "gone.toml")
    with pytest.raises(FileError, match=r"not readable TOML"):
        read_spec(write("width = = 3"))


BASE = RunSettings(KSparseTask(64, 3), 12, Recipe(), 0, 1000)


def test_the_identity_is_the_same_for_ever() -> None:
    # Results files hold it: a change here makes every finished run run again.
    assert BASE.identity == "921fb3cb4d1c290c"


@pytest.mark.parametrize(
    "same",
    [
        RunSettings(KSparseTask(64, 3), 12, Recipe(learning_rate=2e-2), 0, 1000),
        RunSettings(KSparseTask(64, (3, 3)), 12, Recipe(), 0, 1000),
        RunSettings(KSparseTask(64, 3, split_seed=5), 12, Recipe(), 0, 1000),
        RunSettings(KSparseTask(64, 3), 12, Recipe(polish_share=0.5), 0, 1000),
    ],
)
def test_what_changes_no_figure_changes_no_identity(same: RunSettings) -> None:
    assert same.identity == BASE.identity


@pytest.mark.parametrize(
    "other",
    [
        BASE.with_seed(1),
        RunSettings(KSparseTask(65, 3), 12, Recipe(), 0, 1000),
        RunSettings(KSparseTask(64, 4), 12, Recipe(), 0, 1000),
        RunSettings(KSparseTask(64, (3, 4)), 12, Recipe(), 0, 1000),
        RunSettings(KSparseTask(64, 3, "zipf"), 12, Recipe(), 0, 1000),
        RunSettings(KSparseTask(64, 3, training_pool=9), 12, Recipe(), 0, 1000),
        RunSettings(KSparseTask(64, 3, generator="philox"), 12, Recipe(), 0, 1000),
        RunSettings(KSparseTask(64, 3), 13, Recipe(), 0, 1000),
        RunSettings(KSparseTask(64, 3), 12, Recipe(objective="kl"), 0, 1000),
        RunSettings(KSparseTask(64, 3), 12, Recipe(activation="none"), 0, 1000),
        RunSettings(KSparseTask(64, 3), 12, Recipe(init_scale_in=2.0), 0, 1000),
        RunSettings(KSparseTask(64, 3), 12, Recipe(), 0, 1001),
    ],
)
def test_what_changes_a_figure_changes_the_identity(other: RunSettings) -> None:
    assert other.identity != BASE.identity
