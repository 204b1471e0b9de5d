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
Octets = NDArray[np.uint8]
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
        go_on: asked between any two steps; what is under way ends soon after it says no.

    Memory: about 20 bytes for each set and unit. Cost: O(sets vocab width / 64) to make.
    """

    def __init__(
        self, code: Code, sets: Ints, weights: Floats, near: float, go_on: Callable[[], bool]
    ) -> None:
        self.bits: NDArray[np.bool_] = code.bits.copy()
        self._hashes = code.packed.copy()
        self._sets, self._weights, self._go_on = sets, weights, go_on
        self._falls = np.array([1 - near, near, 0, 0])  # of a token's charge by a bit more to lack
        self._rises = np.array([0, 1 - near, near, 0])  # ... by a bit less
        self._words = np.arange(code.width) // WORD
        self._flags = np.uint64(1) << (np.arange(code.width) % WORD).astype(np.uint64)
        padded = np.concatenate([self.bits, np.zeros((1, code.width), dtype=np.bool_)])
        self._covers = np.zeros((len(sets), code.width), dtype=np.int16)
        for column in sets.T:
            self._covers += padded[column]
        self._open = self._covers == 0
        self._outside = np.ascontiguousarray(pack_bits(self._open).T)  # [words, sets]
        self._of = _sets_of_each(sets, code.vocab_size)
        self._cost = np.zeros(self._open.shape, dtype=np.float64)
        self._saving = np.zeros(self._open.shape, dtype=np.float64)
        self._ready = True  # unless time is up before all tokens are entered
        for token in range(code.vocab_size):
            if not go_on():
                self._ready = False
                break
            self.enter(token, self.lacking(token), 1)

    def run(self, generator: np.random.Generator) -> bool:
        """Visit tokens until a round changes nothing: True; or `go_on` says no.

        The first round begins with the most frequent tokens, which gain most. The others are in
        random order.
        """
        order = np.array([-len(sets) for sets in self._of]).argsort(kind="stable")
        changed = True
        while changed:
            changed = False
            for token in order.tolist():
                if not self._ready or not self._go_on():
                    return False
                changed |= self._improve(token)
            order = generator.permutation(len(order))
        return True

    def lacking(self, token: int) -> Octets:
        """Bits of a token outside the unions of the sets, uint8 [sets]; of a member `MEMBER`.

        Hashes have at most 255 bits.
        """
        lacking = np.zeros(len(self._sets), dtype=np.uint8)
        for outside, word in zip(self._outside, self._hashes[token], strict=True):
            if word:
                lacking += np.bitwise_count(outside & word)
        lacking[self._of[token]] = MEMBER
        return lacking

    def changes(self, token: int, lacking: Octets) -> Floats:
        """The change of the sum by a flip of each unit of a token, float64 [width]."""
        own, bits = self._of[token], np.flatnonzero(self.bits[token])
        held = self._weights[own]
        changes = held @ self._cost[own]
        near = np.flatnonzero(lacking <= 1)
        changes -= (self._weights[near] * self._falls[lacking[near]]) @ self._open[near]
        near = np.flatnonzero((lacking == 1) | (lacking == 2))
        some = own[:, None], bits
        alone = np.where(self._covers[some] == 1, self._saving[some], 0)
        rises = self._weights[near] * self._rises[lacking[near]]
        changes[bits] = rises @ self._open[near[:, None], bits] - held @ alone
        return changes

    def _improve(self, token: int) -> bool:
        """Flip the bit of the token that saves most, again and again; whether any did.

        The token is a stranger to other sets than those whose unions it changes. So its own
        entries in the tables are not read meanwhile: they are moved once.
        """
        lacking, least = self.lacking(token), -CHANGE * self._weights.max()
        changes = self.changes(token, lacking)
        if changes.min() > least:
            return False
        self.enter(token, lacking, -1)
        while changes.min() <= least:
            self.flip(token, int(changes.argmin()), lacking)
            changes = self.changes(token, lacking)
        self.enter(token, lacking, 1)
        return True

    def flip(self, token: int, unit: int, lacking: Octets) -> None:
        """Flip a bit of a token whose own entries are out, and bring `lacking` up to date."""
        own, adding = self._of[token], not self.bits[token, unit]
        touched = own[self._covers[own, unit] == (0 if adding else 1)]
        word, flag, step = self._words[unit], self._flags[unit], 1 if adding else -1
        others = np.flatnonzero(self.bits[:, unit])
        others = others[others != token]
        pairs: list[tuple[Ints, Ints, Ints]] = []
        rows = max(1, PAIRS // max(1, len(others)))
        for start in range(0, len(touched), rows):
            part = touched[start : start + rows]
            found = np.zeros((len(part), len(others)), dtype=np.uint8)
            for outside, hashes in zip(self._outside, self._hashes.T, strict=True):
                found += np.bitwise_count(outside[part, None] & hashes[others])
            place, other = np.nonzero(found <= 3)
            pairs.append((part[place], others[other], found[place, other].astype(np.int64)))
        for sets, tokens, before in pairs:
            self._charge(sets, tokens, before, -1)
        self.bits[token, unit] = adding
        self._hashes[token, word] ^= flag
        self._covers[own, unit] += step
        self._open[touched, unit] = not adding
        self._outside[word, touched] ^= flag
        for sets, tokens, before in pairs:
            self._charge(sets, tokens, before - step, 1)
        is_open = ((self._outside[word] & flag) != 0).view(np.uint8)
        lacking += is_open if adding else -is_open
        lacking[own] = MEMBER

    def enter(self, token: int, lacking: Octets, sign: int) -> None:
        """Enter a token as a stranger into both tables, or take it out."""
        units, near = np.flatnonzero(self.bits[token]), np.flatnonzero(lacking <= 2)
        for table, rates, is_open in self._tables():
            rate = sign * rates[lacking[near]]
            some = rate != 0
            pair, unit = np.nonzero(self._open[near[some, None], units] == is_open)
            table[near[some][pair], units[unit]] += rate[some][pair]

    def _charge(self, sets: Ints, tokens: Ints, lacking: Ints, sign: int) -> None:
        """Enter pairs of a set and a stranger into both tables, or take them out."""
        width = self._open.shape[1]
        for table, rates, is_open in self._tables():
            some = np.flatnonzero(rates[np.minimum(lacking, 3)] > 0)
            units = self.bits[tokens[some]] & (self._open[sets[some]] == is_open)
            pair, unit = np.nonzero(units)
            rate = sign * rates[lacking[some]]
            np.add.at(table.reshape(-1), sets[some][pair] * width + unit, rate[pair])

    def _tables(self) -> tuple[tuple[Floats, Floats, bool], ...]:
        """Each table, what a pair enters by its lacking bits, and whether into open units."""
        return (self._cost, self._rises, True), (self._saving, self._falls, False)


def _sets_of_each(sets: Ints, vocab_size: int) -> list[Ints]:
    """The sets that hold each token."""
    row, column = np.nonzero(sets < vocab_size)
    token = sets[row, column]
    order = token.argsort(kind="stable")
    return np.split(row[order], np.bincount(token, minlength=vocab_size).cumsum()[:-1])
