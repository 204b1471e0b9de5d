"""The interventions: units are forced, the hidden layer is replaced, or W_in is changed."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from numpy.random import Generator
from torch import Tensor

from relubloom.code import GradedCode
from relubloom.code.bit_slices import unpack_bits
from relubloom.evidence.interventions.intervention import (
    Bits,
    CallDecoder,
    Cases,
    Ids,
    Intervention,
    States,
    Words,
    even_cases,
    marked,
    only,
    random_choice,
)
from relubloom.evidence.interventions.prepared_network import PreparedNetwork, hidden
from relubloom.measure.pool import chunk_size

PAIRS = 32  # of tokens whose hashes are swapped: each is a network of its own
DRAWS = 1 << 40  # far above the number of sources, so the remainder is even


class _ForcedUnit(Intervention):
    """One unit of each case is forced out of its state: all the way, to covered or untouched."""

    changes = True
    covers: bool  # what the unit becomes

    def predict(self, code: GradedCode, cases: Cases) -> States:
        """The states, the unit's changed."""
        forced = only(code.width, cases.acted_on[:, 0])
        return np.where(forced, self._becomes(code), code.states(cases.sets))

    def mispredict(
        self, code: GradedCode, cases: Cases, random: Generator
    ) -> tuple[GradedCode, States]:
        """The states, another such unit's changed; as they are where there is no other."""
        states, becomes = code.states(cases.sets), self._becomes(code)
        others = (states != becomes) & ~only(code.width, cases.acted_on[:, 0])
        forced = others & only(code.width, random_choice(others, random))
        return code, np.where(forced, becomes, states)

    def _becomes(self, code: GradedCode) -> np.uint8:
        return np.uint8(code.levels if self.covers else 0)


class ForceCovered(_ForcedUnit):
    """Set `hook_post` of one uncovered unit to 0, though no member has its bit; a reversed unit to
    its mean level on sets that cover it.

    A case is a random set on which the code has no false positive, and a random one of its
    uncovered units, untouched or leaking: so every predicted false positive is one that the forced
    unit makes, a token that missed this bit and no other. The members are those of the set.
    """

    name = "force-covered"
    question = "Does a unit that is switched off let in the tokens that missed only its bit?"
    prediction = "The decode of the union and the forced unit."
    control = "predicted for another uncovered unit than the forced one"
    covers = True

    graded: ClassVar[Mapping[str, str]] = {
        "prediction": "The decode of the units' states, that of the forced one covered."
    }

    def cases(self, code: GradedCode, sets: Ids, random: Generator) -> Cases:
        """Sets without false positives of the code, with an uncovered unit each."""
        uncovered = code.states(sets) < code.levels
        fit = uncovered.any(1) & ~_false_positives(code, sets).any(1)
        return even_cases(sets[fit], random_choice(uncovered[fit], random), sets[fit])

    def run(self, net: PreparedNetwork, cases: Cases) -> Float[Tensor, "batch vocab"]:
        """Switch the unit off, a reversed one on."""
        return net.with_unit_at(cases.sets, cases.acted_on, net.covered_levels[cases.acted_on])


class ForceUncovered(_ForcedUnit):
    """Set `hook_post` of one covered unit to its mean level on sets that leave it uncovered.

    A case is a random set and a random one of its covered units, or leaking ones, that some member
    lacks (any of them, where all members have all of them). The members with the bit should drop
    out, so the intervened members are the others; a dropped member that is still called counts as
    a false positive that was not predicted. Where every member has the bit they all miss one, and
    those of the least strength stay: all where bits are full.
    """

    name = "force-uncovered"
    question = "Does a unit that is switched on shut out the members that have its bit?"
    prediction = "The decode of the union without the forced unit."
    control = "predicted for another covered unit than the forced one"
    covers = False

    graded: ClassVar[Mapping[str, str]] = {
        "prediction": "The decode of the units' states, that of the forced one untouched.",
        "control": "predicted for another unit than the forced one, covered or leaking",
    }

    def cases(self, code: GradedCode, sets: Ids, random: Generator) -> Cases:
        """Sets with a covered (or leaking) unit each."""
        union = code.states(sets) > 0
        telling = union & ~_in_all(code, sets)
        eligible = np.where(telling.any(1, keepdims=True), telling, union)
        fit = eligible.any(1)
        units = random_choice(eligible[fit], random)
        return even_cases(sets[fit], units, _kept(code, sets[fit], units))

    def run(self, net: PreparedNetwork, cases: Cases) -> Float[Tensor, "batch vocab"]:
        """Switch the unit on, a reversed one off."""
        return net.with_unit_at(cases.sets, cases.acted_on, net.uncovered_levels[cases.acted_on])


class SwapHashes(Intervention):
    """Swap the rows of W_in of two tokens, a and b; the readout stays.

    32 random pairs; a case is a random set with a and without b. The changed network reads b's
    hash where a goes in, so it should call b in a's place: the intervened members are those of
    the set with b for a.
    """

    name = "swap-hashes"
    question = "Do two tokens trade places when their rows of W_in are swapped?"
    prediction = "The decode of the set with b for a."
    control = "predicted as if nothing had been swapped"
    changes = True

    def cases(self, code: GradedCode, sets: Ids, random: Generator) -> Cases:
        """The first token of each set gives way to a.

        Sets that then hold a twice, or b, are left out: uniform sets with a and without b remain.
        """
        vocab = code.vocab_size
        a = random.integers(vocab, size=PAIRS)
        b = (a + 1 + random.integers(max(1, vocab - 1), size=PAIRS)) % vocab
        pair = np.arange(len(sets)) * PAIRS // max(1, len(sets))
        pairs = np.stack([a[pair], b[pair]], axis=1)
        others = sets[:, 1:]
        clash = (others[:, :, None] == pairs[:, None, :]).any((1, 2)) | (pairs[:, 0] == pairs[:, 1])
        with_a = np.concatenate([pairs[:, :1], others], axis=1)[~clash]
        with_b = np.concatenate([pairs[:, 1:], others], axis=1)[~clash]
        return even_cases(with_a, pairs[~clash], with_b)

    def mispredict(
        self, code: GradedCode, cases: Cases, random: Generator
    ) -> tuple[GradedCode, States]:
        """The states of the set as it is."""
        return code, code.states(cases.sets)

    def run(self, net: PreparedNetwork, cases: Cases) -> Float[Tensor, "batch vocab"]:
        """Run each pair's network on its cases: a's row is read where b goes in, and b's for a."""
        logits = net.net.W_out.new_empty(len(cases), net.net.vocab_size)
        for pair in np.unique(cases.acted_on, axis=0):
            of_pair = (cases.acted_on == pair).all(1)
            sets = cases.sets[of_pair]
            rows = np.select([sets == pair[0], sets == pair[1]], [pair[1], pair[0]], sets)
            logits[torch.from_numpy(of_pair)] = net.net(torch.from_numpy(rows))
        return logits


class TwoLevelInput(Intervention):
    """Replace each entry of W_in by one of two values of its unit: the mean of the unit's entries
    that are bits, or the mean of those that are not; of several strengths, the mean of its own.

    If only the bit matters, the decode stays. The members are those of the set.
    """

    name = "two-level-input"
    question = "Are the two levels of each unit's column all that matters of W_in?"
    prediction = "The decode of the set: every entry keeps its bit."
    graded: ClassVar[Mapping[str, str]] = {
        "question": "Is a level for each strength, unit by unit, all that matters of W_in?",
        "prediction": "The decode of the set: every entry keeps its strength.",
    }

    def run(self, net: PreparedNetwork, cases: Cases) -> Float[Tensor, "batch vocab"]:
        """Run the two-level network."""
        return net.two_level(torch.from_numpy(cases.sets))


class PatchDonor(Intervention):
    """Replace `hook_post` of a set by that of another random set, the donor.

    The hidden layer is all that the readout sees, so the donor's tokens should be called; they
    are the intervened members.
    """

    name = "patch-donor"
    question = "Does the hidden layer of another set carry that set, and nothing of this one?"
    prediction = "The decode of the donor."
    control = "predicted from the set that was put in"
    changes = True

    def cases(self, code: GradedCode, sets: Ids, random: Generator) -> Cases:
        """Each set with the one after it as its donor."""
        donors = np.roll(sets, -1, axis=0)
        return even_cases(sets, donors, donors)

    def mispredict(
        self, code: GradedCode, cases: Cases, random: Generator
    ) -> tuple[GradedCode, States]:
        """The receiver's states."""
        return code, code.states(cases.sets)

    def run(self, net: PreparedNetwork, cases: Cases) -> Float[Tensor, "batch vocab"]:
        """Patch from the donor."""
        return net.patched(cases.sets, hidden(net.net, cases.acted_on))


class PatchFalsePositive(Intervention):
    """Replace `hook_post` of a set by that of the set and one of the code's false positives on it.

    The union is the same, with one token more: the code reads the same tokens from it, and none
    of them other than before. A case is a random set with a false positive of the code, and a
    random one of these. The intervened members are the set's and that token, which any network
    names as it was put in: so what is predicted are the set's other false positives, and that one
    token more disturbs nothing.

    Where bits have several strengths one token more does disturb: it raises every unit by what its
    non-bit entry adds, and a full bit that took away just the level that sets of the usual size
    leave now leaks. So the states are those of the code as it is written in sets of one token more,
    and members drop out whose full bits meet such a leak. A half bit of the token that meets
    another covers the unit.
    """

    name = "patch-false-positive"
    question = "Is a false positive put in as a member any news to the hidden layer?"
    prediction = "The decode of the set alone: the union is the same."
    graded: ClassVar[Mapping[str, str]] = {
        "question": "Is a false positive put in as a member no more news than its half bits?",
        "prediction": "The decode of the set with the token, in the states that bits write in "
        "sets of one token more; they ask for their strengths as ever.",
    }
    one_more = True

    def cases(self, code: GradedCode, sets: Ids, random: Generator) -> Cases:
        """Sets with a false positive of the code each."""
        wrong = _false_positives(code, sets)
        failing, wrong = sets[wrong.any(1)], wrong[wrong.any(1)]
        tokens = np.empty(len(failing), dtype=np.int64)
        size = chunk_size(code.vocab_size)
        for start in range(0, len(failing), size):
            part = unpack_bits(wrong[start : start + size], code.vocab_size)
            tokens[start : start + size] = random_choice(part, random)
        return even_cases(failing, tokens, np.concatenate([failing, tokens[:, None]], axis=1))

    def run(self, net: PreparedNetwork, cases: Cases) -> Float[Tensor, "batch vocab"]:
        """Patch from the set with the token."""
        return net.patched(cases.sets, hidden(net.net, cases.members))


class ScrubIrrelevant(Intervention):
    """Replace each unit's `hook_post` by its value on a random set that covers it, or leaves it
    uncovered, as this set does; of several strengths, on a random set that leaves it in its state.

    The hypothesis says that a unit tells its state, whether it is covered, and nothing else: by
    which tokens, by how many, and how far the others are, is irrelevant. So each unit is resampled
    alone, from random sets of its own, and the decode should stay. A unit whose state no random set
    has keeps its value. Source: L. Chan and others, "Causal scrubbing" (2022). The members are
    those of the set.
    """

    name = "scrub-irrelevant"
    question = "Is a unit's being covered or not all that it tells the readout?"
    prediction = "The decode of the set: each unit is resampled with its status kept."
    graded: ClassVar[Mapping[str, str]] = {
        "question": "Is a unit's state all that it tells the readout?",
        "prediction": "The decode of the set: each unit is resampled with its state kept.",
    }

    def cases(self, code: GradedCode, sets: Ids, random: Generator) -> Cases:
        """Any sets, with a number each that chooses the sources."""
        return even_cases(sets, random.integers(DRAWS, size=len(sets)), sets)

    def run(self, net: PreparedNetwork, cases: Cases) -> Float[Tensor, "batch vocab"]:
        """Resample the hidden layer."""
        return net.patched(cases.sets, net.resampled(cases.sets, cases.acted_on[:, 0]))


def _false_positives(code: GradedCode, sets: Ids) -> Words:
    """The code's false positives on each set, as bits of words."""
    return CallDecoder(code).covered(code.states(sets)) & ~marked(sets, code.vocab_size)


def _in_all(code: GradedCode, sets: Ids) -> Bits:
    """Bool [batch, width]: bits that every member has."""
    with_padding = np.concatenate([code.bits, np.ones((1, code.width), dtype=np.bool_)])
    common = np.ones((len(sets), code.width), dtype=np.bool_)
    for column in sets.T:
        common &= with_padding[column]
    return common


def _kept(code: GradedCode, sets: Ids, units: Ids) -> Ids:
    """Members whose bit in the unit has the least strength, mostly none; padded."""
    with_padding = np.concatenate([code.strengths, np.full((1, code.width), code.levels + 1)])
    strengths = with_padding[sets, units[:, None]]
    least = strengths.min(1, keepdims=True, initial=code.levels)
    return np.where(strengths == least, sets, code.vocab_size)


INTERVENTIONS: tuple[Intervention, ...] = (
    ForceCovered(),
    ForceUncovered(),
    SwapHashes(),
    PatchFalsePositive(),
    PatchDonor(),
    ScrubIrrelevant(),
    TwoLevelInput(),
)
"""In the order of the tables."""
