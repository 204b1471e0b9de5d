"""What a network that is no Bloom filter is instead, and its hash beside the best random code."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache

import numpy as np

from relubloom.errors import UsageError
from relubloom.evidence.mechanism.hidden_layer import HiddenLayer
from relubloom.evidence.random_code import expected_random_code
from relubloom.evidence.scores import SetScores
from relubloom.network.relu_net import ReluNet
from relubloom.records.mechanism import ReadingFigures
from relubloom.records.verdict import FILTERS, ReadingBeside, Verdict, read
from relubloom.theory import narrow_below, width_to_try


def measure_reading_figures(net: ReluNet, scores: SetScores, layer: HiddenLayer) -> ReadingFigures:
    """The shares that the reading may rest on, and the false positives of hash and random code.

    The expectation over random codes of a set's errors depends on its size alone: so the random
    code's figures are over the very sizes scored, whatever their source. They are null where the
    exact law does not go. Cost: that of `expected_random_code`.
    """
    held = scores.tokens.sets > 0
    random = None
    with suppress(UsageError):
        random = expected_random_code(net.vocab_size, net.width, _size_shares(scores))
    return ReadingFigures(
        units_off=1 - float(scores.unit_on.mean()),
        dead_unit_share=float((layer.on == 0).mean()),
        dead_token_share=float(scores.tokens.dead[held].mean()),
        hash_false_positives=scores.mean(scores.code_false_positives),
        random_code_false_positives=None if random is None else random.false_positives,
        random_code_mse=None if random is None else random.mse,
    )


def take_reading(
    net: ReluNet, scores: SetScores, figures: ReadingFigures, verdict: Verdict
) -> ReadingBeside:
    """The reading beside a verdict: `records.verdict.read` on this network's figures.

    The widths are for sets of the mean size. Cost: that of `theory.width_to_try`, once a size.
    """
    if verdict in FILTERS:
        return ReadingBeside()
    known = {name: value for name, value in vars(figures).items() if value is not None}
    known |= {"width": net.width, "set_size": int(scores.set_size.max())}
    known["p_exact"] = scores.mean(~scores.ranking_failure)
    known |= _widths(net.vocab_size, round(scores.mean(scores.set_size)))
    random_mse = figures.random_code_mse
    well_trained = random_mse is None or scores.mean(scores.mse) <= random_mse
    return read(verdict, known, well_trained=well_trained)


@lru_cache
def _widths(vocab_size: int, set_size: int) -> dict[str, int]:
    """Empty where the exact law does not go."""
    try:
        narrow, wider = narrow_below(vocab_size, set_size), width_to_try(vocab_size, set_size)
    except UsageError:
        return {}
    return {"narrow_below": narrow, "try_width": wider}


def _size_shares(scores: SetScores) -> dict[int, float]:
    sizes, where = np.unique(scores.set_size, return_inverse=True)
    shares = np.bincount(where, scores.copies) / scores.copies.sum()
    return dict(zip(sizes.tolist(), shares.tolist(), strict=True))
