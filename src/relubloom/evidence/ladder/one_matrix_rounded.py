"""One matrix of strengths in a few bits each: a tenth of the network's length, if that will do."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from relubloom.code.cover_table import CoverTable
from relubloom.evidence.ladder.fitted import (
    BATCH,
    STEPS,
    Logits,
    Sets,
    Weights,
    drawn_from,
    fit,
    hidden,
    logits,
    through_log_softmax,
    weights_of,
)
from relubloom.evidence.ladder.quantisation import Quantiser
from relubloom.evidence.ladder.read_network import (
    Mask,
    ReadNetwork,
    Reals,
    overlap_pressures,
    predicted,
    slopes,
)
from relubloom.evidence.ladder.rung import REAL, Written, as_network, network_bits, rung
from relubloom.measure.answers import Batch

INPUT_ELSEWHERE, INPUT_BITS, OUTPUT_BITS = 2, 8, 4  # levels of each part
SHARE = 0.1  # of the network's length: the strengths have as many levels as fit in it
ENOUGH = 1 / 6  # of the unit's gap: an entry of W_out is taken as at most that far below its level
PARTS = "strength", "input_rest", "depth", "output_rest"
LEARNING_RATE = 2e-3
RANKING = 0.1  # weight of the divergence of rankings beside that of outputs
HAIR = 0.1  # logits: about twice the median margin of a set that a trained network ranks wrongly
FAR = 10.0  # logits: a margin beyond it is certain
SHORT, LONG = 8, 12  # bits of a fitted number, and of one of b_out
COEFFICIENTS, SCALES, LISTS = 16, 7, 9  # at most: of predictions; of parts; lists of numbers
MOST_LEVELS = 256


@rung("one-matrix-rounded", "One matrix in a few bits", "network")
def one_matrix_rounded(read: ReadNetwork, sets: Sets, steps: int = STEPS) -> Written:
    """Strengths rounded to a few levels; levels, slopes and biases fitted to the network."""
    parts = RoundedStrengths(read)
    numbers = parts.start()
    own = weights_of(read.net)
    hard = sets[torch.from_numpy(CoverTable(read.code).false_positives(sets.numpy()) > 0)]
    pool = (sets, hard if len(hard) else sets)

    def gradients(chosen: Sets) -> list[Tensor]:
        batch = Batch.of(chosen, read.net.vocab_size)
        W_in, b_in, W_out, b_out = parts.weights(numbers)
        post = hidden(W_in, b_in, chosen)
        found = torch.addmm(b_out, post, W_out)
        by_logits = unlikeness_gradient(found, logits(own, chosen), batch)
        by_pre = (by_logits @ W_out.T).mul_(post > 0)
        rows = by_pre.new_zeros(len(W_in) + 1, len(b_in))  # of W_in, and one for padding
        tokens, places = chosen.flatten().sort()  # the order of sums is in the fit's last digits
        rows.index_add_(0, tokens, by_pre[places // chosen.shape[1]])
        by_numbers = parts.gradients(numbers, rows[:-1], by_logits.T @ post)
        by_numbers |= {"b_in": by_pre.sum(0), "b_out": by_logits.sum(0)}
        return [by_numbers[name] for name in numbers]

    fit(
        list(numbers.values()),
        gradients,
        lambda generator: torch.cat([drawn_from(part, BATCH // 2, generator) for part in pool]),
        steps=steps,
        learning_rate=LEARNING_RATE,
    )
    kept, length = shortened(numbers)
    W_in, b_in, W_out, b_out = (value.double().numpy() for value in parts.weights(kept))
    meaning = (
        f"The hash; each (token, unit) pair's strength on {parts.levels} levels "
        f"({INPUT_BITS} on the bits), read by both matrices through slopes, with {INPUT_ELSEWHERE} "
        f"levels ({OUTPUT_BITS} on the bits) for what the matrices do not share, all beside what "
        "the overlaps of hashes predict of them; means, slopes and biases fitted to the network's "
        "answers on sets that are not scored."
    )
    return meaning, read.hash_bits + parts.bits + length, as_network(W_in, b_in, W_out.T, b_out)


def unlikeness_gradient(found: Logits, true: Logits, batch: Batch) -> Logits:
    """Gradient by `found` of the mean over sets of KL(true || found), and of `RANKING` times that
    between the two's chances that the set is ranked right.

    The chance is the logistic function of the margin over `HAIR`: which sets fail by ranking is
    decided by margins of hundredths of a logit, which no divergence of outputs sees.
    """
    wanted = true.log_softmax(1).exp_().div_(-len(batch))
    gradient = through_log_softmax(wanted, found.log_softmax(1))
    _, low, _, high = _members_and_others(true, batch)
    chance = (low - high).clamp_(-FAR, FAR).div_(HAIR).sigmoid_()
    members, low, others, high = _members_and_others(found, batch)
    margin = low - high
    by_margin = (margin / HAIR).sigmoid_().sub_(chance).mul_(RANKING / len(batch)).div_(HAIR)
    by_margin.masked_fill_(margin.abs() > FAR, 0.0)
    # Of equal members and of equal others each has an even share.
    least = (members == low[:, None]) & (batch.real.T > 0)
    greatest = others == high[:, None]
    gradient.scatter_add_(1, batch.ids, least.float().mul_((by_margin / least.sum(1))[:, None]))
    rows, tokens = greatest.nonzero(as_tuple=True)
    gradient[rows, tokens] -= (by_margin / greatest.sum(1))[rows]
    return gradient


def _members_and_others(logits: Logits, batch: Batch) -> tuple[Tensor, Tensor, Logits, Tensor]:
    """The members' logits and the least, [batch, set_size] and [batch]; and the others' (members at
    -infinity) and the greatest, [batch, vocab] and [batch]."""
    members = logits.gather(1, batch.ids)
    others = logits.scatter(1, batch.ids, -torch.inf)
    return members, members.amin(1), others, others.amax(1)


class RoundedStrengths:
    """The rounded strengths, and how weights are made of them and a few numbers.

    Elsewhere than on the bits W_out carries the strength and W_in follows; on the bits W_in does,
    and W_out follows. A bit of W_in below its unit's mean holds its unit at 0 just as the mean
    does, and is taken as the mean; but not of a reversed unit, which a higher entry raises.
    """

    def __init__(self, read: ReadNetwork) -> None:
        found, bits = read.departures, read.code.bits
        pressures = overlap_pressures(bits)
        self.bits: int = 0
        self.levels: int = affordable_levels(read)
        self._read, self._mask = read, torch.from_numpy(bits.copy())
        gap = read.units.gap
        direct_bits = bits & ~read.reversed
        floor = np.where(direct_bits & (gap > 0), -ENOUGH * gap, -np.inf)
        below = np.maximum(found.of_output, floor)
        above = np.where(direct_bits, np.maximum(found.of_input, 0), found.of_input)

        expected = self._predicted(below, pressures, ~bits)
        rounded = self._rounded(below - expected, ~bits, self.levels)
        strength = expected + rounded
        self._slope = slopes(strength, above, ~bits, 0)
        follows = self._slope * strength
        self._token_slope = slopes(follows, above, ~bits, 1)
        self._strength = expected, rounded

        rest = above - self._token_slope[:, None] * follows
        bends = [np.abs(strength) * strength, strength**3]
        expected = self._predicted(rest, pressures + bends, ~bits)
        self._input_rest = expected, self._rounded(rest - expected, ~bits, INPUT_ELSEWHERE)

        depth = self._rounded(above, bits, INPUT_BITS)
        self._bit_slope = slopes(depth, below, bits, 0)
        self._depth = (depth,)
        rest = below - self._bit_slope * depth
        expected = self._predicted(rest, [*pressures, depth**2, depth**3], bits)
        self._output_rest = expected, self._rounded(rest - expected, bits, OUTPUT_BITS)
        parts = self._strength, self._input_rest, self._depth, self._output_rest
        self._constants = [
            torch.stack([torch.from_numpy(each).float() for each in part]) for part in parts
        ]

    def start(self) -> dict[str, Tensor]:
        """The numbers before the fit: per unit, two per token, and a few scales."""
        found, bits = self._read.departures, self._read.code.bits
        _, b_in, _, b_out = self._read.weights
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
                "b_in": b_in,
                "b_out": b_out - b_out.mean(),
                "strength_scale": np.ones(2),
                "input_rest_scale": np.ones(2),
                "depth_scale": np.ones(1),
                "output_rest_scale": np.ones(2),
            }.items()
        }

    def weights(self, numbers: Mapping[str, Tensor]) -> Weights:
        """The network that the strengths and the numbers make."""
        of = numbers
        strength, input_rest, depth, output_rest = self._scaled(numbers)
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

    def gradients(
        self, numbers: Mapping[str, Tensor], by_W_in: Tensor, by_W_out: Tensor
    ) -> dict[str, Tensor]:
        """Of the numbers, from those of W_in and W_out (both [vocab, width]); biases left out."""
        of, mask = numbers, self._mask
        strength, _, depth, _ = self._scaled(numbers)
        on_bits, elsewhere = by_W_in * mask, by_W_in * ~mask
        out_bits, out_elsewhere = by_W_out * mask, by_W_out * ~mask
        slope = of["token_slope"][:, None] * of["slope"]
        by_slope = elsewhere * strength
        by_parts = (
            elsewhere * slope + out_elsewhere,
            elsewhere,
            on_bits + out_bits * of["bit_slope"],
            out_bits,
        )
        return {
            "input_level": elsewhere.sum(0),
            "input_bit_level": on_bits.sum(0),
            "output_level": out_elsewhere.sum(0),
            "output_bit_level": out_bits.sum(0),
            "slope": (by_slope * of["token_slope"][:, None]).sum(0),
            "bit_slope": (out_bits * depth).sum(0),
            "token_slope": (by_slope * of["slope"]).sum(1),
        } | {
            f"{name}_scale": (by_part.reshape(1, -1) @ part.flatten(1).T)[0]
            for name, by_part, part in zip(PARTS, by_parts, self._constants, strict=True)
        }

    def _scaled(self, numbers: Mapping[str, Tensor]) -> list[Tensor]:
        """The parts, each times its scales, [vocab, width]."""
        return [
            torch.tensordot(numbers[f"{name}_scale"], part, 1)
            for name, part in zip(PARTS, self._constants, strict=True)
        ]

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


def affordable_levels(read: ReadNetwork) -> int:
    """Levels of a strength elsewhere than on the bits: the most at which the whole takes its share.

    At least 2, even where the whole takes more.
    """
    vocab, width = read.net.vocab_size, read.net.width
    on_bits = int(read.code.weights.sum())
    elsewhere = vocab * width - on_bits
    few = COEFFICIENTS + SCALES + 2 * LISTS + INPUT_ELSEWHERE + INPUT_BITS + OUTPUT_BITS
    fixed = (
        read.hash_bits
        + SHORT * (7 * width + vocab)
        + LONG * vocab
        + REAL * few
        + _entries_bits(elsewhere, INPUT_ELSEWHERE)
        + _entries_bits(on_bits, INPUT_BITS)
        + _entries_bits(on_bits, OUTPUT_BITS)
    )
    room = SHARE * network_bits(read.net) - fixed
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
