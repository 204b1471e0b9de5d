"""Replace the hidden layer of a set: by another set's, by that of more tokens, unit by unit."""

import numpy as np
from jaxtyping import Float
from torch import Tensor

from relubloom.code import Code
from relubloom.code.bit_slices import unpack_bits
from relubloom.code.cover_table import CoverTable
from relubloom.evidence.interventions.intervention import (
    Bits,
    Cases,
    Ids,
    even_cases,
    marked,
    of_shuffled_hashes,
    random_choice,
)
from relubloom.evidence.interventions.prepared_network import PreparedNetwork, hidden
from relubloom.measure.pool import chunk_size

DRAWS = 1 << 40  # far above the number of sources, so the remainder is even


class PatchDonor:
    """Replace `hook_post` of a set by that of another random set, the donor.

    The hidden layer is all that the readout sees, so the donor's tokens should be called; they
    are the intervened members.
    """

    name = "patch-donor"
    question = "Does the hidden layer of another set carry that set, and nothing of this one?"
    prediction = "The decode of the donor."
    control = "predicted from the set that was put in"
    changes = True

    def cases(self, code: Code, sets: Ids, random: np.random.Generator) -> Cases:
        """Each set with the one after it as its donor."""
        donors = np.roll(sets, -1, axis=0)
        return even_cases(sets, donors, donors)

    def predict(self, code: Code, cases: Cases) -> Bits:
        """The donor's union."""
        return code.union(cases.acted_on)

    def mispredict(
        self, code: Code, cases: Cases, random: np.random.Generator
    ) -> tuple[Code, Bits]:
        """The receiver's union."""
        return code, code.union(cases.sets)

    def run(self, net: PreparedNetwork, cases: Cases) -> Float[Tensor, "batch vocab"]:
        """Patch from the donor."""
        return net.patched(cases.sets, hidden(net.net, cases.acted_on))


class PatchFalsePositive:
    """Replace `hook_post` of a set by that of the set and one of the code's false positives on it.

    The union is the same, with one token more: the code reads the same tokens from it, and none
    of them other than before. A case is a random set with a false positive of the code, and a
    random one of these. The intervened members are the set's and that token, which any network
    names as it was put in: so what is predicted are the set's other false positives, and that one
    token more disturbs nothing.
    """

    name = "patch-false-positive"
    question = "Is a false positive put in as a member any news to the hidden layer?"
    prediction = "The decode of the set alone: the union is the same."
    control = "hashes dealt to the tokens anew"
    changes = False

    def cases(self, code: Code, sets: Ids, random: np.random.Generator) -> Cases:
        """Sets with a false positive of the code each."""
        vocab, table = code.vocab_size, CoverTable(code)
        failing = sets[table.false_positives(sets) > 0]
        tokens = np.empty(len(failing), dtype=np.int64)
        size = chunk_size(vocab)
        for start in range(0, len(failing), size):
            part = failing[start : start + size]
            wrong = unpack_bits(table.decoded(code.union(part)) & ~marked(part, vocab), vocab)
            tokens[start : start + size] = random_choice(wrong, random)
        return even_cases(failing, tokens, np.concatenate([failing, tokens[:, None]], axis=1))

    def predict(self, code: Code, cases: Cases) -> Bits:
        """The union of the set."""
        return code.union(cases.sets)

    def mispredict(
        self, code: Code, cases: Cases, random: np.random.Generator
    ) -> tuple[Code, Bits]:
        """Another code's union of the set and the token."""
        return of_shuffled_hashes(code, cases.members, random)

    def run(self, net: PreparedNetwork, cases: Cases) -> Float[Tensor, "batch vocab"]:
        """Patch from the set with the token."""
        return net.patched(cases.sets, hidden(net.net, cases.members))


class ScrubIrrelevant:
    """Replace each unit's `hook_post` by its value on a random set that covers it, or leaves it
    uncovered, as this set does.

    The hypothesis says that a unit tells whether it is covered, and nothing else: by which
    tokens, by how many, and how far the others are, is irrelevant. So each unit is resampled alone,
    from random sets of its own, and the decode should stay. A unit whose status no random set has
    keeps its value. Source: L. Chan and others, "Causal scrubbing" (2022). The members are those
    of the set.
    """

    name = "scrub-irrelevant"
    question = "Is a unit's being covered or not all that it tells the readout?"
    prediction = "The decode of the set: each unit is resampled with its status kept."
    control = "hashes dealt to the tokens anew"
    changes = False

    def cases(self, code: Code, sets: Ids, random: np.random.Generator) -> Cases:
        """Any sets, with a number each that chooses the sources."""
        return even_cases(sets, random.integers(DRAWS, size=len(sets)), sets)

    def predict(self, code: Code, cases: Cases) -> Bits:
        """The union of the set."""
        return code.union(cases.sets)

    def mispredict(
        self, code: Code, cases: Cases, random: np.random.Generator
    ) -> tuple[Code, Bits]:
        """Another code's union of the set."""
        return of_shuffled_hashes(code, cases.sets, random)

    def run(self, net: PreparedNetwork, cases: Cases) -> Float[Tensor, "batch vocab"]:
        """Resample the hidden layer."""
        return net.patched(cases.sets, net.resampled(cases.sets, cases.acted_on[:, 0]))
