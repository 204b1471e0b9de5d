"""One pass over a collection of sets: what the network does on each, and what its code predicts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relubloom.code import Code
from relubloom.code.cover_table import CoverTable
from relubloom.evidence.token_counts import ChunkOfTokens, TokenCounts, TokenTally, together_in_all
from relubloom.measure.answers import Listed
from relubloom.measure.one_pass import Chunk, OnSets, one_pass
from relubloom.measure.statistics import weighted_mean
from relubloom.network.relu_net import ReluNet
from relubloom.task import AllSets, SetCollection

PER_SET: dict[str, type[np.generic]] = {
    "copies": np.float64,
    "unseen": np.bool_,
    "set_size": np.int32,
    "mse": np.float64,
    "kl": np.float64,
    "margin": np.float64,
    "misses": np.int32,
    "false_positives": np.int32,
    "code_false_positives": np.int32,
    "member_mass": np.float64,
    "uniformity": np.float64,
}


@dataclass(frozen=True)
class SetScores:
    """Figures per set ([sets]), per unit ([width]) and per token.

    `copies` is how often a set counts; `unseen` marks sets with a token never trained on.
    `margin` is the least member logit minus the greatest non-member logit (infinite where every
    token is a member). `misses` and `false_positives` follow the calling rule: p_t >= p_max / 2.
    `code_false_positives` counts the code's covered non-members. `member_mass` is the sum of p
    over the members, `uniformity` set_size times the least of these p, divided by their sum.
    `unit_agreement` is the share of sets on which "unit is 0" equals "some token has the bit", or
    "unit is above 0" does where the unit is reversed; `unit_on` the share on which it is above 0.
    """

    copies: NDArray[np.float64]
    unseen: NDArray[np.bool_]
    set_size: NDArray[np.int32]
    mse: NDArray[np.float64]
    kl: NDArray[np.float64]
    margin: NDArray[np.float64]
    misses: NDArray[np.int32]
    false_positives: NDArray[np.int32]
    code_false_positives: NDArray[np.int32]
    member_mass: NDArray[np.float64]
    uniformity: NDArray[np.float64]
    unit_agreement: NDArray[np.float64]
    unit_on: NDArray[np.float64]
    tokens: TokenCounts
    method: str

    @property
    def ranking_failure(self) -> NDArray[np.bool_]:
        """Sets whose members are not all strictly above every other token."""
        return ~(self.margin > 0)

    @property
    def loss_failure(self) -> NDArray[np.bool_]:
        """Sets whose mse exceeds 1/(2k(k+1)), half of what one false positive costs."""
        return self.mse > 1 / (2 * self.set_size * (self.set_size + 1))

    @property
    def code_failure(self) -> NDArray[np.bool_]:
        """Sets on which the code has a false positive."""
        return self.code_false_positives > 0

    def mean(self, values: NDArray[np.generic]) -> float:
        """Mean over the sets, copies counted."""
        return weighted_mean(values, self.copies)


def score_sets(
    net: ReluNet,
    code: Code,
    sets: SetCollection,
    workers: int = 1,
    on_sets: OnSets | None = None,
    *,
    together: bool = False,
    chunk: int | None = None,
) -> SetScores:
    """Run the network and the code on every set of the collection.

    Calls and failures are those of float64 (`measure.evaluation`). `on_sets(done, total)` is called
    as chunks come back; `together` and `chunk` are those of `Scoring` and `one_pass`.

    Cost: that of `measure.one_pass`, and some 10 passes over [sets, width].
    """
    scoring = Scoring(code, sets, together=together)
    one_pass(net, sets, [scoring], code=code, chunk=chunk, workers=workers, on_sets=on_sets)
    return scoring.scores()


def covered_others(
    table: CoverTable,
    unions: NDArray[np.bool_],
    covered: NDArray[np.int64],
    chunk: Chunk,
) -> Listed:
    """A code's false positives on a chunk, token by token.

    `covered`, int64 [batch], counts the tokens that the unions, bool [batch, width], cover.
    """
    failing = np.flatnonzero(covered > chunk.batch.size.numpy())
    found, tokens = table.listed(unions[failing])
    rows = failing[found]
    member = (chunk.sets.numpy()[rows] == tokens[:, None]).any(1)
    return Listed(rows[~member], tokens[~member])


class Scoring:
    """Scores the sets of a pass: a consumer of `one_pass`."""

    def __init__(self, code: Code, sets: SetCollection, *, together: bool = False) -> None:
        """`together`: count the pairs of tokens that are members of one set, too."""
        self._table, self._method = CoverTable(code), sets.method
        self._per_set: dict[str, NDArray[Any]] = {
            name: np.empty(len(sets), dtype) for name, dtype in PER_SET.items()
        }
        self._per_unit = np.zeros((4, code.width))
        self._every = sets if together and isinstance(sets, AllSets) else None
        self._tally = TokenTally(code.vocab_size, together=together and self._every is None)

    def work(self, chunk: Chunk) -> tuple[NDArray[np.float64], ChunkOfTokens]:
        """Write down each set's figures; `take` adds up what there is of units and tokens."""
        answers, ids, copies = chunk.answers, chunk.sets.numpy(), chunk.copies.numpy()
        covered = covered_others(self._table, chunk.union, self._table.covered(ids), chunk)
        found: dict[str, NDArray[Any]] = {
            "copies": copies,
            "unseen": chunk.unseen.numpy(),
            "set_size": chunk.batch.size.numpy(),
            "misses": answers.missed.sum(1).numpy(),
            "false_positives": answers.called.per_set(len(ids)),
            "code_false_positives": covered.per_set(len(ids)),
        }
        for name in ("mse", "kl", "margin", "member_mass", "uniformity"):
            found[name] = getattr(answers, name).numpy()
        for name, values in self._per_set.items():
            values[chunk.start : chunk.stop] = found[name]
        tokens = ChunkOfTokens(
            ids, copies, found["mse"], answers.missed.numpy(), answers.called, covered
        )
        return chunk.unit_counts, tokens

    def take(self, found: tuple[NDArray[np.float64], ChunkOfTokens]) -> None:
        """Add a chunk's units and tokens."""
        per_unit, tokens = found
        self._per_unit += per_unit
        self._tally.add(tokens)

    def scores(self) -> SetScores:
        """What was found, when the pass is over."""
        on, _, _, as_said = self._per_unit
        total = self._per_set["copies"].sum()
        tokens = self._tally.counts()
        if self._every is not None:
            tokens = replace(tokens, together=together_in_all(self._every))
        return SetScores(
            **self._per_set,
            unit_agreement=as_said / total,
            unit_on=on / total,
            tokens=tokens,
            method=self._method,
        )
