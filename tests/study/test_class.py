"""Preset `class`: small networks for a lesson, and what is said where sizes are too small."""

from collections.abc import Callable
from pathlib import Path

import pytest

import relubloom as rb
from build.process import Outcome
from relubloom.records.verdict import FILTERS
from relubloom.study import study as studies
from relubloom.study.settings import PRESETS, planned
from relubloom.theory import CLASS_SET_SIZE, CLASS_TOKENS, class_width, narrow_below, width_to_try


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
        assert study.width == (34 if number <= 40 else 36)
    assert class_width(65, 3) is class_width(40, 4) is None
    assert planned(preset="class", vocab_size=64, width=20).width == 20


HINTS = {
    "few tokens": (
        ("-N", 32, "-d", 16),
        "32 tokens are few: a Bloom filter is not sure to come out, and it would hardly err; take "
        "--preset class and 40 to 64 tokens",
    ),
    "few tokens for the class": (
        ("--preset", "class", "-N", 20),
        "20 tokens are few: a Bloom filter is not sure to come out, and it would hardly err; take "
        "40 to 64 tokens",
    ),
    "many tokens for the class": (
        ("--preset", "class", "-N", 100, "-d", 48),
        "100 tokens are too many for preset class: expect no Bloom filter; take at most 64",
    ),
    "larger sets for the class": (
        ("--preset", "class", "-k", 8, "-d", 81),
        "preset class is for sets of 3, not 8: leave --set-size out",
    ),
    "another recipe": (
        ("-N", 50, "-d", 20),
        "50 tokens are few: this recipe seldom makes a Bloom filter of them; try --preset class "
        "--vocab-size 50",
    ),
    "a width of the class at which most came out": (("--preset", "class", "-N", 45, "-d", 30), ""),
    "linear": (("-N", 50, "-d", 20, "--activation", "none"), ""),
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


def _stopped(*_: object, **__: object) -> None:
    raise rb.RelubloomError("enough")


@pytest.mark.parametrize(("options", "said"), HINTS.values(), ids=HINTS)
def test_a_hint_names_the_width_to_try(
    relubloom: Callable[..., Outcome],
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[object, ...],
    said: str,
) -> None:
    monkeypatch.setattr(studies, "run_study", _stopped)
    done = relubloom("study", *options)
    assert done.err.splitlines() == [*([said] if said else []), "relubloom: enough"]
    assert relubloom("study", *options, "--quiet").err == "relubloom: enough\n"


def test_a_hint_keeps_the_words_file(
    relubloom: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(studies, "run_study", _stopped)
    words = tmp_path / "my words.txt"
    words.write_text("".join(f"word{index}\n" for index in range(45)))
    assert (
        relubloom("study", "--tokens", words)
        .err.splitlines()[0]
        .endswith(f"try --preset class --tokens '{words}'")
    )


def test_numbers_of_the_hint_and_of_the_reading_agree() -> None:
    for tokens in range(*CLASS_TOKENS):
        width = class_width(tokens, CLASS_SET_SIZE)
        assert narrow_below(tokens, 3) < width_to_try(tokens, 3) == width
