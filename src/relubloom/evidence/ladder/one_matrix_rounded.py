"""One matrix of strengths in a few bits each: a tenth of the network's length, if that will do."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from relubloom.evidence.ladder.departures import Departures, Mask, predicted, slopes
from relubloom.evidence.ladder.description_length import REAL, network_bits
from relubloom.evidence.ladder.fit import (
    BATCH,
    Weights,
    divergence,
    drawn_from,
    fit,
    logits,
    ranking_divergence,
    weights_of,
)
from relubloom.evidence.ladder.k_means import Quantiser
from relubloom.evidence.ladder.rung import Rung
from relubloom.evidence.ladder.stored import as_network
from relubloom.evidence.ladder.subject import Reals, Subject

INPUT_ELSEWHERE, INPUT_BITS, OUTPUT_BITS = 2, 8, 4  # levels of each part
SHARE = 0.1  # of the network's length: the strengths have as many levels as fit in it
ENOUGH = 1 / 6  # of the unit's gap: an entry of W_out is taken as at most that far below its level
PARTS = "strength", "input_rest", "depth", "output_rest"
STEPS = 700
LEARNING_RATE = 2e-3
RANKING = 0.1  # weight of the divergence of rankings beside that of outputs
SHORT, LONG = 8, 12  # bits of a fitted number, and of one of b_out
COEFFICIENTS, SCALES, LISTS = 16, 7, 9  # at most: of predictions; of parts; lists of numbers
MOST_LEVELS = 256


def one_matrix_rounded(subject: Subject, sets: Int64[Tensor, "sets set_size"]) -> Rung:
    """Strengths rounded to a few levels; levels, slopes and biases fitted to the network."""
    parts = _Parts(subject)
    numbers = {name: value.requires_grad_() for name, value in parts.start().items()}
    own = weights_of(subject.net)
    hard = sets[torch.from_numpy(subject.code.false_positives(sets.numpy()) > 0)]
    pool = (sets, hard if len(hard) else sets)

    def loss(batch: Int64[Tensor, "batch set_size"]) -> Tensor:
        with torch.no_grad():
            true = logits(own, batch)
        found = logits(parts.weights(numbers), batch)
        return divergence(found, true) + RANKING * ranking_divergence(found, true, batch)

    fit(
        list(numbers.values()),
        loss,
        lambda generator: torch.cat([drawn_from(part, BATCH // 2, generator) for part in pool]),
        steps=STEPS,
        learning_rate=LEARNING_RATE,
    )
    kept, length = shortened({name: value.detach() for name, value in numbers.items()})
    W_in, b_in, W_out, b_out = (value.double().numpy() for value in parts.weights(kept))
    return Rung(
        name="one-matrix-rounded",
        title="One matrix in a few bits",
        meaning=f"The hash; each (token, unit) pair's strength on {parts.levels} levels "
        f"({INPUT_BITS} on the bits), read by both matrices through slopes, with {INPUT_ELSEWHERE} "
        f"levels ({OUTPUT_BITS} on the bits) for what the matrices do not share, all beside what "
        "the overlaps of hashes predict of them; means, slopes and biases fitted to the network's "
        "answers on sets that are not scored.",
        kind="network",
        bits=subject.hash_bits + parts.bits + length,
        programs=(as_network(W_in, b_in, W_out.T, b_out),),
    )


class _Parts:
    """The rounded strengths, and how weights are made of them and a few numbers.

    Elsewhere than on the bits W_out carries the strength and W_in follows; on the bits W_in does,
    and W_out follows. A bit of W_in below its unit's mean holds its unit at 0 just as the mean
    does, and is taken as the mean.
    """

    def __init__(self, subject: Subject) -> None:
        found = Departures(subject)
        bits = found.bits
        self.bits = 0
        self.levels = affordable_levels(subject)
        self._found, self._mask = found, torch.from_numpy(bits.copy())
        gap = subject.units.gap
        floor = np.where(bits & (gap > 0), -ENOUGH * gap, -np.inf)
        below = np.maximum(found.of_output, floor)
        above = np.where(bits, np.maximum(found.of_input, 0), found.of_input)

        expected = self._predicted(below, found.pressures, ~bits)
        rounded = self._rounded(below - expected, ~bits, self.levels)
        strength = expected + rounded
        self._slope = slopes(strength, above, ~bits, 0)
        follows = self._slope * strength
        self._token_slope = slopes(follows, above, ~bits, 1)
        self._strength = expected, rounded

        rest = above - self._token_slope[:, None] * follows
        bends = [np.abs(strength) * strength, strength**3]
        expected = self._predicted(rest, found.pressures + bends, ~bits)
        self._input_rest = expected, self._rounded(rest - expected, ~bits, INPUT_ELSEWHERE)

        depth = self._rounded(above, bits, INPUT_BITS)
        self._bit_slope = slopes(depth, below, bits, 0)
        self._depth = (depth,)
        rest = below - self._bit_slope * depth
        expected = self._predicted(rest, [*found.pressures, depth**2, depth**3], bits)
        self._output_rest = expected, self._rounded(rest - expected, bits, OUTPUT_BITS)
        parts = self._strength, self._input_rest, self._depth, self._output_rest
        self._constants = [
            torch.stack([torch.from_numpy(each).float() for each in part]) for part in parts
        ]

    def start(self) -> dict[str, Tensor]:
        """The numbers before the fit: per unit, two per token, and a few scales."""
        found, bits = self._found, self._found.bits
        return {
            name: torch.from_numpy(np.array(value)).float()
            for name, value in {
                "input_level": _row(found.level_in, ~bits),
                "input_bit_level": _row(found.level_in, bits),
                "output_level": _row(found.level_out, ~bits),
                "output_bit_level": _row(found.level_out, bits),
                "slope": self._slope,
                "bit_slope": self._bit_slope,
                "token_slope": self._token_slope,
                "b_in": found.b_in,
                "b_out": found.b_out,
                "strength_scale": np.ones(2),
                "input_rest_scale": np.ones(2),
                "depth_scale": np.ones(1),
                "output_rest_scale": np.ones(2),
            }.items()
        }

    def weights(self, numbers: Mapping[str, Tensor]) -> Weights:
        """The network that the strengths and the numbers make."""
        of = numbers
        strength, input_rest, depth, output_rest = (
            torch.tensordot(of[f"{name}_scale"], part, 1)
            for name, part in zip(PARTS, self._constants, strict=True)
        )
        follows = of["token_slope"][:, None] * of["slope"] * strength
        W_in = torch.where(
            self._mask, of["input_bit_level"] + depth, of["input_level"] + follows + input_rest
        )
        W_out = torch.where(
            self._mask,
            of["output_bit_level"] + of["bit_slope"] * depth + output_rest,
            of["output_level"] + strength,
        )
        return W_in, of["b_in"], W_out.T, of["b_out"]

    def _rounded(self, values: Reals, mask: Mask, levels: int) -> Reals:
        """The values in the mask on a k-means codebook, 0 elsewhere; counts what it takes."""
        quantiser = Quantiser(values[mask])
        codebook = quantiser.codebook(levels)
        rounded = np.zeros_like(values)
        rounded[mask] = quantiser.nearest(codebook)
        self.bits += _entries_bits(int(mask.sum()), len(codebook)) + REAL * len(codebook)
        return rounded

    def _predicted(self, values: Reals, features: list[Reals], mask: Mask) -> Reals:
        """The part of the values that the hash and the strengths predict."""
        expected, coefficients = predicted(values, features, mask)
        self.bits += REAL * coefficients
        return expected


def affordable_levels(subject: Subject) -> int:
    """Levels of a strength elsewhere than on the bits: the most at which the whole takes its share.

    At least 2, even where the whole takes more.
    """
    vocab, width = subject.net.vocab_size, subject.net.width
    on_bits = int(subject.code.weights.sum())
    elsewhere = vocab * width - on_bits
    few = COEFFICIENTS + SCALES + 2 * LISTS + INPUT_ELSEWHERE + INPUT_BITS + OUTPUT_BITS
    fixed = (
        subject.hash_bits
        + SHORT * (7 * width + vocab)
        + LONG * vocab
        + REAL * few
        + _entries_bits(elsewhere, INPUT_ELSEWHERE)
        + _entries_bits(on_bits, INPUT_BITS)
        + _entries_bits(on_bits, OUTPUT_BITS)
    )
    room = SHARE * network_bits(subject.net) - fixed
    return max(
        (
            levels
            for levels in range(2, MOST_LEVELS + 1)
            if _entries_bits(elsewhere, levels) + REAL * levels <= room
        ),
        default=2,
    )


def _entries_bits(entries: int, levels: int) -> int:
    """Bits of a number in base `levels` of that many digits."""
    return math.ceil(entries * math.log2(max(1, levels)))


def _row(levels: Reals, mask: Mask) -> Reals:
    """The level of each unit, from entries that all have their unit's; 0 where it has none."""
    return np.where(mask.any(0), np.take_along_axis(levels, mask.argmax(0)[None], 0)[0], 0)


def shortened(numbers: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], int]:
    """Each list of numbers on equal steps between its least and its greatest; and its length.

    The scales of the parts stay as they are: the parts without their scales are needed too.
    """
    kept: dict[str, Tensor] = {}
    length = 0
    for name, value in numbers.items():
        if name.endswith("_scale"):
            kept[name] = value
            length += REAL * value.numel()
            continue
        bits = LONG if name == "b_out" else SHORT
        least, greatest = float(value.min()), float(value.max())
        step = (greatest - least) / (2**bits - 1) or 1.0
        kept[name] = least + ((value - least) / step).round() * step
        length += bits * value.numel() + 2 * REAL
    return kept, length
