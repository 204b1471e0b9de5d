"""The figures of a card, against what other parts of the package find."""

from pathlib import Path

import numpy as np
import pytest
import torch

from build.zoo import SMALL, small
from relubloom.code import Code
from relubloom.evidence import gather_evidence
from relubloom.zoo.card import card_of
from relubloom.zoo.figures import NOISE, Figures, measure, naive_error
from relubloom.zoo.known import KnownNetwork

SETS = 600


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def measured(cache: Path) -> dict[str, tuple[KnownNetwork, Figures]]:
    each = {entry.kind: small(entry.kind, cache) for entry in SMALL}
    return {kind: (known, measure(known, SETS)) for kind, known in each.items()}


@pytest.mark.parametrize("kind", ["constructed-graded", "trained-binary"])
def test_errors_are_those_of_the_evidence(kind: str, measured) -> None:
    known, figures = measured[kind]
    behaviour = gather_evidence(known.net, known.sets(SETS)).behaviour
    assert figures.error == pytest.approx(behaviour.mse, rel=1e-5)
    assert figures.linear_error == pytest.approx(measured["nearly-linear"][1].error, rel=1e-9)
    assert figures.noise[0].error == figures.error
    assert figures.noise[0].right == pytest.approx(behaviour.p_exact, abs=1e-12)
    assert [each.noise for each in figures.noise] == list(NOISE)
    assert figures.neurons == 12


def test_noise_costs(measured) -> None:
    for _, figures in measured.values():
        assert figures.noise[-1].error > figures.noise[0].error


def test_a_linear_network_computes_nothing_and_beats_itself_nowhere(measured) -> None:
    figures = measured["nearly-linear"][1]
    assert (figures.computations, figures.better) == (0, 0)
    assert figures.error == figures.linear_error
    assert figures.verdict == "not-bloom"
    known = measured["nearly-linear"][0]
    assert (known.activations(known.sets(SETS)) > 0).all()


@pytest.mark.parametrize(("kind", "functions"), [("planted-majority", 6), ("planted-parity", 4)])
def test_planted_functions_are_computed_exactly(kind: str, functions: int, measured) -> None:
    known, figures = measured[kind]
    assert (figures.computations, figures.error, figures.naive_error) == (functions, 0, None)
    assert figures.noise[0].right == 1
    # the best affine map: by least squares on the indicators with a constant
    sets, bits = known.sets(SETS).numpy(), known.code.bits[:, :functions]
    counts = bits[sets].sum(1)
    truth = (counts >= 2 if kind == "planted-majority" else counts % 2).astype(float)
    x = np.zeros((SETS, 21))
    np.put_along_axis(x, sets, 1, 1)
    x[:, 20] = 1
    left = truth - x @ np.linalg.lstsq(x, truth)[0]
    assert figures.linear_error == pytest.approx(np.square(left).mean(0).sum(), rel=1e-9)
    assert figures.better == functions
    function = "at least two" if kind == "planted-majority" else "an odd number"
    assert f"1 where {function} of a set's tokens have its bit" in card_of(known, figures)


def test_what_knowing_as_many_tokens_as_neurons_costs() -> None:
    # Of 4 tokens two are known. {0, 1, 2}: 1/3 is left for 2 and 3, 1/6 each: (1/6)^2 twice.
    assert naive_error(torch.tensor([[0, 1, 2]]), 4, 2) == pytest.approx(2 / 36)
    # {1, 2, 3}: 2/3 for 2 and 3, 1/3 each, which is right.
    assert naive_error(torch.tensor([[1, 2, 3]]), 4, 2) == pytest.approx(0)
    # All known: nothing is lost.
    assert naive_error(torch.tensor([[0, 1, 2]]), 3, 3) == 0


def test_hashes_that_are_equal_or_empty_count_once_and_never(cache: Path) -> None:
    known = small("constructed-binary", cache, seed=8)
    bits = known.code.bits.copy()
    bits[1], bits[2] = bits[0], False
    other = KnownNetwork(known.entry, known.seed, known.net, Code(bits), known.task, known.folder)
    assert measure(other, 50).computations == len(np.unique(known.code.bits, axis=0)) - 2


@pytest.mark.parametrize("kind", [entry.kind for entry in SMALL])
def test_a_card_says_the_figures(kind: str, measured) -> None:
    known, figures = measured[kind]
    card = card_of(known, figures)
    assert card.startswith(f"# {known.name}\n\nVersion 1, seed 0. ")
    assert "by enumeration" in card
    assert f"| error | {figures.error:.4g} |" in card
    assert f"verdict `{figures.verdict}`" in card
    for each in figures.noise:
        assert f"| {each.noise:g} | {each.right:.2%} | {each.error:.4g} |" in card
    assert not [line for line in card.splitlines() if line != line.rstrip()]
