"""What an intervention is: cases made from random sets, a prediction for each, and what is done."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from relubloom.code import GradedCode
from relubloom.code.bit_slices import WORD, pack_bits
from relubloom.code.cover_table import CoverTable
from relubloom.evidence.interventions.prepared_network import PreparedNetwork
from relubloom.measure.pool import chunk_size

Ids = NDArray[np.int64]
Bits = NDArray[np.bool_]
States = NDArray[np.uint8]
"""What a code says of each unit, [cases, width]: 0 untouched, `levels` covered, between: leaking.
A code of full bits has two states: uncovered and covered."""
Words = NDArray[np.uint64]
"""Tokens of a set (or of a case) as bits, 64 to a word: [cases, words]."""


class Intervention(ABC):
    """A change to the network whose effect the code predicts.

    `cases`, `predict` and `mispredict` see the code and never the network: their answers are
    fixed before it runs. `question` and `prediction` are sentences for the reader, `control` says
    what `mispredict` does wrongly on purpose; `graded` has those of them that read otherwise where
    bits have several strengths. `changes` says whether the intervention changes what is called, so
    that the calls that change can be compared. `one_more` says whether a token is put in beside the
    set's: then `predict` sees the code as bits are written in sets of one token more.
    """

    name: str
    question: str
    prediction: str
    control = "hashes dealt to the tokens anew"
    graded: ClassVar[Mapping[str, str]] = {}
    changes = False
    one_more = False

    def words(self, levels: int) -> dict[str, str]:
        """Its question, prediction and control, in the words for a code of so many levels."""
        said = {name: getattr(self, name) for name in ("question", "prediction", "control")}
        return said | (dict(self.graded) if levels > 1 else {})

    def cases(self, code: GradedCode, sets: Ids, random: Generator) -> Cases:
        """Cases made from random sets; sets to which it cannot be done are left out.

        Unless told otherwise: any sets, nothing acted on, the members those of the set.
        """
        return even_cases(sets, sets[:, :0], sets)

    def predict(self, code: GradedCode, cases: Cases) -> States:
        """The states that the changed network will read, by the code: [cases, width].

        Unless told otherwise those of the intervened members.
        """
        return code.states(cases.members)

    def mispredict(
        self, code: GradedCode, cases: Cases, random: Generator
    ) -> tuple[GradedCode, States]:
        """The control: states that should fail as a prediction, and the code that they are of.

        Unless told otherwise those of a code whose hashes were dealt to the tokens anew.
        """
        order = random.permutation(code.vocab_size)
        shuffled = GradedCode(code.strengths[order], code.levels)
        return shuffled, shuffled.states(cases.members)

    @abstractmethod
    def run(self, net: PreparedNetwork, cases: Cases) -> Float[Tensor, "batch vocab"]:
        """The logits of the changed network."""


@dataclass(frozen=True)
class Cases:
    """Cases of one intervention; every field has one row a case.

    `sets`: int64 [cases, set_size], the ids that go into the network (vocab_size is padding).
    `acted_on`: int64 [cases, any], what the intervention acts on: a unit, two tokens, a donor.
    `members`: int64 [cases, any], the intervened members: the tokens that the network should
    name if the hypothesis holds and the code has no false positive; padded like `sets`.
    `weight`: float64 [cases], how often the case counts.
    """

    sets: Ids
    acted_on: Ids
    members: Ids
    weight: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.sets)

    def __getitem__(self, which: slice | Ids | Bits) -> Cases:
        return Cases(
            self.sets[which], self.acted_on[which], self.members[which], self.weight[which]
        )


def even_cases(sets: Ids, acted_on: Ids, members: Ids) -> Cases:
    """Cases that each count once; `acted_on` may be [cases]."""
    columns = acted_on[:, None] if acted_on.ndim == 1 else acted_on
    return Cases(sets, columns, members, np.ones(len(sets)))


def random_choice(eligible: Bits, random: Generator) -> Ids:
    """One eligible column of each row, each equally likely, int64 [rows]; 0 where none is.

    Cost: one random float32 an entry.
    """
    lots = random.random(eligible.shape, dtype=np.float32)
    return np.where(eligible, lots, np.float32(-1)).argmax(1)


def only(width: int, units: Ids) -> Bits:
    """Bool [cases, width], True at each case's unit."""
    return units[:, None] == np.arange(width)


class CallDecoder:
    """Says which tokens a network of a code should call when it reads units in given states.

    These are the tokens that miss least: the covered ones, unless there are none. A bit misses by
    how far its unit's state is below its strength, and one that misses by more outweighs all that
    miss by less, as in the constructed network; so of a code of full bits these are the tokens
    with the fewest missing bits. A sharp readout calls exactly these, and never none.
    """

    def __init__(self, code: GradedCode) -> None:
        self.code = code
        self._table = CoverTable(code.layers)

    def called(self, states: States) -> Words:
        """In states [cases, width]. Cost: that of `CoverTable`, in chunks that fit a cache."""
        size = chunk_size(self.code.vocab_size)
        parts = [self._called(states[at : at + size]) for at in range(0, len(states), size)]
        return np.concatenate([marked(np.zeros((0, 0), np.int64), self.code.vocab_size), *parts])

    def covered(self, states: States) -> Words:
        """The covered tokens alone, of states [cases, width]."""
        steps = range(1, self.code.levels + 1)
        return self._table.decoded(np.concatenate([states >= step for step in steps], axis=1))

    def _called(self, states: States) -> Words:
        called = self.covered(states)
        bare = ~called.any(1)
        if bare.any():
            called[bare] = pack_bits(self._missing_least(states[bare]))
        return called

    def _missing_least(self, states: States) -> Bits:
        """The tokens that miss least, bool [cases, vocab]."""
        strengths, levels = self.code.strengths, self.code.levels
        least = np.ones((len(states), len(strengths)), dtype=np.bool_)
        for short in range(levels, 0, -1):
            missing = np.zeros(least.shape, dtype=np.float32)  # float32: BLAS, exact on counts
            for state in range(levels + 1 - short):
                there = (states == state).astype(np.float32)
                missing += there @ np.equal(strengths.T, state + short).astype(np.float32)
            best = np.where(least, missing, np.inf).min(1, keepdims=True)
            least &= missing == best
        return least


def marked(ids: Ids, vocab_size: int) -> Words:
    """The tokens of each row as bits, [rows, words]; the id `vocab_size` is padding."""
    words = np.zeros((len(ids), -(-vocab_size // WORD)), dtype=np.uint64)
    rows = np.arange(len(ids))
    for column in ids.T:
        real = column < vocab_size
        bit = np.uint64(1) << (column[real] % WORD).astype(np.uint64)
        words[rows[real], column[real] // WORD] |= bit
    return words
