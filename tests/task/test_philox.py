"""Philox sets: the published integers, the same on every device and in every chunk."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from relubloom.errors import UsageError
from relubloom.task import DrawnSets, KSparseTask
from relubloom.task.philox import (
    LANES,
    WORD,
    AddressedNumbers,
    address_hash,
    philox,
    product_in_parts,
    whole_product,
    words_anywhere,
    words_on_cpu,
)

DATA = Path(__file__).parents[1] / "data"
DEVICES = ["cpu"]
if torch.cuda.is_available():
    DEVICES.append("cuda")
if torch.backends.mps.is_available():
    DEVICES.append("mps")

# Random123, tests/kat_vectors, philox4x32 with 10 rounds: counter, key, words.
PUBLISHED = [
    ("00000000 " * 4, "00000000 " * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff " * 4, "ffffffff " * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    (
        "243f6a88 85a308d3 13198a2e 03707344",
        "a4093822 299f31d0",
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


def plain_philox(counter: tuple[int, ...], key: tuple[int, ...]) -> tuple[int, ...]:
    """The paper's rounds on Python's integers."""
    a, b, c, d = counter
    left, right = key
    for _ in range(10):
        first, third = a * 0xD2511F53, c * 0xCD9E8D57
        a, b, c, d = (third >> 32) ^ b ^ left, third & WORD, (first >> 32) ^ d ^ right, first & WORD
        left, right = (left + 0x9E3779B9) & WORD, (right + 0xBB67AE85) & WORD
    return a, b, c, d


def by_numpy(counter: tuple[int, ...], key: tuple[int, ...]) -> tuple[int, ...]:
    words = [np.array([word], dtype=np.uint64) for word in (*counter, *key)]
    return tuple(int(w[0]) for w in philox(tuple(words[:4]), tuple(words[4:]), whole_product))


def by_torch(counter: tuple[int, ...], key: tuple[int, ...]) -> tuple[int, ...]:
    words = [torch.tensor([word]) for word in (*counter, *key)]
    return tuple(int(w) for w in philox(tuple(words[:4]), tuple(words[4:]), product_in_parts))


def plain_number(seed: int, stream: str, step: int, row: int, draw: int) -> int:
    """The 64 bits at an address, by the layout that the module's docstring gives."""
    key = address_hash(seed, stream, step)
    words = plain_philox((row & WORD, row >> 32, draw // 2, 0), (key & WORD, key >> 32))
    high, low = words[2 * (draw % 2) : 2 * (draw % 2) + 2]
    return high << 32 | low


@pytest.mark.parametrize(("counter", "key", "words"), PUBLISHED)
@pytest.mark.parametrize("way", [plain_philox, by_numpy, by_torch])
def test_the_published_words(way, counter: str, key: str, words: str) -> None:
    counted, keyed, found = (
        tuple(int(word, 16) for word in text.split()) for text in (counter, key, words)
    )
    assert way(counted, keyed) == found


words_of_32 = st.integers(0, WORD)


@given(st.tuples(*[words_of_32] * 4), st.tuples(*[words_of_32] * 2))
def test_both_products_do_what_integers_do(counter: tuple[int, ...], key: tuple[int, ...]) -> None:
    expected = plain_philox(counter, key)
    assert by_numpy(counter, key) == expected
    assert by_torch(counter, key) == expected


@given(
    st.integers(0, 2**40),
    st.integers(0, 10**6),
    st.sampled_from([0, 1, WORD, WORD + 1, 2**62]),
    st.integers(1, 2**42),
)
def test_a_number_below_a_mass_is_the_high_word_of_a_product(
    seed: int, step: int, row: int, mass: int
) -> None:
    numbers = AddressedNumbers([(seed, "s", step)], range(row, row + 1), 5)
    for draw in range(5):
        expected = plain_number(seed, "s", step, row, draw) * mass >> 64
        assert int(numbers.below(draw, mass)) == expected
        assert int(numbers.below(draw, torch.tensor([[mass]]))) == expected


@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=3),
    st.integers(0, 2**62),
    st.integers(0, 40),
    st.integers(1, 4),
)
def test_the_way_of_all_devices_gives_what_the_way_of_the_cpu_does(
    keys: list[int], start: int, count: int, pairs: int
) -> None:
    rows = range(start, start + count)
    assert torch.equal(words_anywhere(keys, rows, pairs, "cpu"), words_on_cpu(keys, rows, pairs))


def test_words_do_not_depend_on_the_parts_they_are_made_in() -> None:
    # More rows than go into the arrays at once.
    words = words_on_cpu([5], range(LANES + 100), 3)
    assert torch.equal(words[..., -50:], words_on_cpu([5], range(LANES + 50, LANES + 100), 3))


@st.composite
def tasks(draw: st.DrawFn) -> KSparseTask:
    vocab_size = draw(st.integers(1, 40))
    high = draw(st.integers(1, min(vocab_size, 9)))
    low = draw(st.integers(1, high))
    source = draw(st.sampled_from(["uniform", "zipf"]))
    pool = draw(st.sampled_from([None, 50]))
    return KSparseTask(vocab_size, (low, high), source, training_pool=pool, generator="philox")


FILE = KSparseTask.from_file(DATA / "debtags.sets", skip_bad=True, generator="philox")


@pytest.mark.parametrize("device", DEVICES)
@given(tasks() | st.just(FILE), st.integers(0, 2**40), st.integers(0, 10**6))
def test_a_training_set_depends_on_its_row_alone(
    device: str, task: KSparseTask, seed: int, step: int
) -> None:
    addresses = [(seed + 1, step), (seed, step), (seed, step + 1)]
    together = task.training_batches(addresses, 40, device)
    for (own, at), batch in zip(addresses, together, strict=True):
        assert torch.equal(batch.cpu(), task.training_sets(own, at, 40))
        assert torch.equal(batch[:7].cpu(), task.training_sets(own, at, 7))


@given(tasks(), st.lists(st.integers(0, 9000), max_size=6))
def test_drawn_sets_do_not_depend_on_the_chunks_they_are_read_in(
    task: KSparseTask, cuts: list[int]
) -> None:
    sets = task.drawn_sets("held-out", 9000)
    edges = sorted({0, len(sets), *cuts})
    pieces = [sets.chunk(start, stop) for start, stop in itertools.pairwise(edges)]
    assert torch.equal(torch.cat(pieces), sets.chunk(0, len(sets)))


@given(tasks(), st.integers(0, 2**40))
def test_tokens_are_distinct_and_padding_comes_last(task: KSparseTask, seed: int) -> None:
    low, high = task.sizes
    sets = task.training_sets(seed, 5, 64)
    assert sets.shape == (64, high)
    assert sets.dtype == torch.int64
    for row in sets.tolist():
        tokens = [token for token in row if token < task.vocab_size]
        assert low <= len(tokens) <= high
        assert len(set(tokens)) == len(tokens)
        assert row == tokens + [task.vocab_size] * (high - len(tokens))


def test_addresses_have_sets_of_their_own() -> None:
    task = KSparseTask(1000, 4, generator="philox")
    found = [
        task.training_sets(0, 0, 200),
        task.training_sets(0, 1, 200),
        task.training_sets(1, 0, 200),
        task.drawn_sets("held-out", 200).chunk(0, 200),
        task.drawn_sets("other", 200).chunk(0, 200),
        replace(task, generator="torch").training_sets(0, 0, 200),
    ]
    for one, other in itertools.combinations(found, 2):
        assert int((one == other).all(1).sum()) == 0


def test_the_setting_has_a_name() -> None:
    task = KSparseTask(9, 2, generator="philox")
    assert task.describe()["generator"] == "philox"
    assert "generator" not in KSparseTask(9, 2).describe()
    assert task != KSparseTask(9, 2)
    assert FILE.describe()["generator"] == "philox"
    drawn = task.evaluation_sets(draw=10)
    assert isinstance(drawn, DrawnSets)
    assert drawn.generator == "philox"


@pytest.mark.usefixtures("unchecked")
def test_an_unknown_generator_is_refused() -> None:
    with pytest.raises(UsageError, match="generator is 'threefry': choose one of torch, philox"):
        KSparseTask(9, 2, generator="threefry")  # pyright: ignore[reportArgumentType]


def test_a_file_is_split_as_ever() -> None:
    torchs = KSparseTask.from_file(DATA / "debtags.sets", skip_bad=True)
    assert torch.equal(FILE.training_lines().sets, torchs.training_lines().sets)
