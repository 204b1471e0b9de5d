"""Preset `class`: small networks for a lesson, and what is said where sizes are too small."""

from collections.abc import Callable

import pytest

import relubloom as rb
from build.process import Outcome
from relubloom.records.verdict import FILTERS
from relubloom.study import study as studies
from relubloom.study.settings import CLASS_WIDTHS, PRESETS, class_width, planned


def test_a_seed_of_it_is_a_bloom_filter() -> None:
    preset = PRESETS["class"]
    task = rb.KSparseTask(preset.vocab_size, preset.set_size)
    net, _ = rb.train(task, preset.width, preset.recipe, seed=0)
    evidence = rb.gather_evidence(net, task)
    assert evidence.mechanism.verdict in FILTERS
    assert evidence.behaviour.p_exact > 0.95


def test_words_of_ones_own_have_a_width_that_was_tried() -> None:
    assert (planned(preset="class").task.vocab_size, planned(preset="class").width) == (40, 34)
    for number in (12, 40, 41, 64):
        words = [f"word{index}" for index in range(number)]
        study = planned(preset="class", tokens=words)
        assert study.labels == tuple(words)
        assert study.width == min(w for most, w in CLASS_WIDTHS.items() if number <= most)
    assert class_width(65) is None
    assert planned(preset="class", vocab_size=64, width=20).width == 20


HINTS = {
    "few tokens": (
        ("-N", 32, "-d", 16),
        "32 tokens are few: a Bloom filter is not sure to come out; take --preset class and 40 "
        "tokens or more",
    ),
    "another recipe": (
        ("-N", 50, "-d", 20),
        "50 tokens are few: this recipe seldom makes a Bloom filter of them; try --preset class "
        "--vocab-size 50 --width 36",
    ),
    "narrow for the class": (
        ("--preset", "class", "-N", 64, "-d", 20),
        "width 20 is narrow for sets of 3 of 64 tokens: expect no Bloom filter; try --width 36",
    ),
    "narrow": (
        ("-N", 256, "-d", 24),
        "width 24 is narrow for sets of 3 of 256 tokens: expect no Bloom filter; try --width 53",
    ),
    "the class": (("--preset", "class"), ""),
    "the article": ((), ""),
    "pairs": (("-N", 20, "-d", 8, "-k", 2), ""),
}


@pytest.mark.parametrize(("options", "said"), HINTS.values(), ids=HINTS)
def test_a_hint_names_the_width_to_try(
    relubloom: Callable[..., Outcome],
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[object, ...],
    said: str,
) -> None:
    def run_study(*_: object, **__: object) -> None:
        raise rb.RelubloomError("enough")

    monkeypatch.setattr(studies, "run_study", run_study)
    done = relubloom("study", *options)
    assert done.err.splitlines() == [*([said] if said else []), "relubloom: enough"]
    assert relubloom("study", *options, "--quiet").err == "relubloom: enough\n"
