"""Descent: flip one bit of one token at a time, as long as the errors on listed sets fall.

What falls is, summed over the sets with their weights,

    (non-members that lack no bit) + near (non-members that lack exactly one bit).

The second term is a margin. A code that is fitted to listed sets alone leaves tokens one bit short
of many sets that are only almost like these; `near` charges for that, without drawing any set.

The change by a flip of bit i of token t is exact. Its own part follows from how many bits t lacks
of each set. The part of the others follows from two tables, kept up to date: what covering unit i
of a set would cost, and what uncovering it would save where one member alone covers it.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from relubloom.code.bit_slices import WORD, pack_bits
from relubloom.code.bits import Code

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
PAIRS = 1 << 22  # (set, token) pairs looked at together
CHANGE = 1e-5  # a flip must save more than this share of a set's weight: less is rounding
MEMBER = 99  # lacking bits of a member, which no flip may count


class Descent:
    """A code under change on listed sets, with its tables.

    Args:
        code: where to start.
        sets: ids [sets, set_size], `vocab_size` is padding, no id twice in a set.
        weights: what each set counts, float [sets].
        near: what a non-member that lacks one bit counts, from 0 to 1.

    Memory: about 10 bytes for each set and unit. Cost: O(sets vocab width / 64) to make.
    """

    def __init__(self, code: Code, sets: Ints, weights: Floats, near: float) -> None:
        self.bits = code.bits.copy()
        self._hashes = code.packed.copy()
        self._sets, self._weights = sets, weights
        self._falls = np.array([1 - near, near, 0])  # of a token's charge by a bit more to lack
        self._rises = np.array([0, 1 - near, near])  # ... by a bit less
        self._words = np.arange(code.width) // WORD
        self._flags = np.uint64(1) << (np.arange(code.width) % WORD).astype(np.uint64)
        padded = np.concatenate([self.bits, np.zeros((1, code.width), dtype=np.bool_)])
        self._covers = np.zeros((len(sets), code.width), dtype=np.int16)
        for column in sets.T:
            self._covers += padded[column]
        self._open = self._covers == 0
        self._outside = pack_bits(self._open)
        self._of = _sets_of_each(sets, code.vocab_size)
        self._cost = np.zeros(self._open.shape, dtype=np.float32)
        self._saving = np.zeros(self._open.shape, dtype=np.float32)
        rows = max(1, PAIRS // code.vocab_size)
        for start in range(0, len(sets), rows):
            lacking = self._lacking(np.arange(start, min(start + rows, len(sets))), slice(None))
            place, token = np.nonzero(lacking <= 2)
            strangers = ~(sets[start + place] == token[:, None]).any(1)
            place, token = place[strangers], token[strangers]
            self._charge(start + place, token, lacking[place, token].astype(np.int64), 1)

    def run(self, generator: np.random.Generator, go_on: Callable[[], bool]) -> bool:
        """Visit tokens in random order until a round changes nothing: True; or `go_on` says no."""
        changed = True
        while changed:
            changed = False
            for token in generator.permutation(len(self.bits)).tolist():
                if not go_on():
                    return False
                changed |= self._improve(token)
        return True

    def value(self) -> float:
        """What falls, a unit of weight; counted afresh from the bits."""
        total, vocab_size = 0.0, len(self.bits)
        charges = np.append(self._falls[::-1].cumsum()[::-1][:2], 0)
        rows = max(1, PAIRS // vocab_size)
        for start in range(0, len(self._sets), rows):
            chosen = np.arange(start, min(start + rows, len(self._sets)))
            lacking = np.minimum(self._lacking(chosen, slice(None)), 2)
            per_set = charges[lacking].sum(1) - (self._sets[chosen] < vocab_size).sum(1)
            total += float(per_set @ self._weights[chosen])
        return total / float(self._weights.sum())

    def _improve(self, token: int) -> bool:
        """Flip the bit of the token that saves most, again and again; whether any did."""
        improved = False
        while True:
            changes = self.changes(token)
            unit = int(changes.argmin())
            if changes[unit] > -CHANGE * self._weights.max():
                return improved
            self._flip(token, unit)
            improved = True

    def changes(self, token: int) -> Floats:
        """The change of the sum by a flip of each unit of a token, float64 [width]."""
        own = self._of[token]
        near, lacking = self._near(token, 2)
        weights, open_units = self._weights[near], self._open[near]
        held = self._weights[own]
        added = held @ self._cost[own] - (weights * self._falls[lacking]) @ open_units
        alone = np.where(self._covers[own] == 1, self._saving[own], 0)
        removed = (weights * self._rises[lacking]) @ open_units - held @ alone
        return np.where(self.bits[token], removed, added)

    def _flip(self, token: int, unit: int) -> None:
        """Flip a bit, and move what every table says of the pairs that it touches."""
        own, adding = self._of[token], not self.bits[token, unit]
        touched = own[self._covers[own, unit] == (0 if adding else 1)]
        near, lacking = self._near(token, 3)
        others = np.flatnonzero(self.bits[:, unit])
        others = others[others != token]
        pairs = [(near, np.full(len(near), token), lacking)]
        rows = max(1, PAIRS // max(1, len(others)))
        for start in range(0, len(touched), rows):
            part = touched[start : start + rows]
            found = self._lacking(part, others)
            place, other = np.nonzero(found <= 3)
            pairs.append((part[place], others[other], found[place, other].astype(np.int64)))
        for sets, tokens, before in pairs:
            self._charge(sets, tokens, before, -1)
        self.bits[token, unit] = adding
        self._hashes[token, self._words[unit]] ^= self._flags[unit]
        self._covers[own, unit] += 1 if adding else -1
        self._open[touched, unit] = not adding
        self._outside[touched, self._words[unit]] ^= self._flags[unit]
        step = 1 if adding else -1
        for place, (sets, tokens, before) in enumerate(pairs):
            after = before + step * self._open[sets, unit] if place == 0 else before - step
            self._charge(sets, tokens, after, 1)

    def _near(self, token: int, most: int) -> tuple[Ints, Ints]:
        """The sets without the token of which it lacks at most so many bits, and how many."""
        lacking = self._lacking(slice(None), token)
        lacking[self._of[token]] = MEMBER
        near = np.flatnonzero(lacking <= most)
        return near, lacking[near].astype(np.int64)

    def _lacking(self, sets: Ints | slice, tokens: Ints | slice | int) -> NDArray[np.uint8]:
        """Bits of tokens outside the unions of sets, [sets, tokens], or [sets] of one token.

        Hashes have at most 255 bits.
        """
        outside, hashes = self._outside[sets], self._hashes[tokens]
        several = hashes.ndim == 2
        found = np.zeros((len(outside), len(hashes)) if several else len(outside), dtype=np.uint8)
        for word in range(outside.shape[1]):
            column = outside[:, word]
            found += np.bitwise_count((column[:, None] if several else column) & hashes[..., word])
        return found

    def _charge(self, sets: Ints, tokens: Ints, lacking: Ints, sign: int) -> None:
        """Enter pairs of a set and a stranger into both tables, or take them out."""
        width = self._open.shape[1]
        for table, rates, is_open in (
            (self._cost, self._rises, True),
            (self._saving, self._falls, False),
        ):
            some = np.flatnonzero((lacking <= 2) & (rates[np.minimum(lacking, 2)] > 0))
            units = self.bits[tokens[some]] & (self._open[sets[some]] == is_open)
            pair, unit = np.nonzero(units)
            rate = (sign * rates[lacking[some]]).astype(np.float32)
            np.add.at(table.reshape(-1), sets[some][pair] * width + unit, rate[pair])


def _sets_of_each(sets: Ints, vocab_size: int) -> list[Ints]:
    """The sets that hold each token."""
    row, column = np.nonzero(sets < vocab_size)
    token = sets[row, column]
    order = token.argsort(kind="stable")
    return np.split(row[order], np.bincount(token, minlength=vocab_size).cumsum()[:-1])
