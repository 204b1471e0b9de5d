"""On how many sets a token lacks fewer than r of its bits, exactly, without enumerating sets."""

import math

import numpy as np

from relubloom.code.bits import Code
from relubloom.code.counting import check_set_size
from relubloom.code.traces import counter_type, subset_sums, traces_on, unit_columns

TABLE_WEIGHT = 22  # heavier hashes would need tables beyond the cache of any core


def count_near_misses(code: Code, token: int, set_size: int, fewer_than: int) -> int:
    """Sets without `token` on which fewer than `fewer_than` of its bits are outside the union.

    `fewer_than` = 1 counts the sets on which it is a false positive. A token heavier than 22 bits
    is not counted: the answer is then the number of all sets without it, an upper bound.

    Source: with E_j the sum over J in H_t, |J| = j, of C(n(t, J), k), the sets with exactly m
    missing bits number sum over j >= m of (-1)^(j - m) C(j, m) E_j (Jordan). Exact integers.
    Cost: O(vocab weight + weight 2**weight).

    Raises:
        UsageError: `set_size` is not in 1..vocab_size.
    """
    check_set_size(code, set_size)
    weight = int(code.weights[token])
    if fewer_than <= 0:
        return 0
    if fewer_than > weight or weight > TABLE_WEIGHT:
        return math.comb(code.vocab_size - 1, set_size)
    sums = _avoiding_sums(code, token, set_size)
    return sum(
        (-1) ** (j - missing) * math.comb(j, missing) * sums[j]
        for missing in range(fewer_than)
        for j in range(missing, weight + 1)
    )


def _avoiding_sums(code: Code, token: int, set_size: int) -> list[int]:
    """E_0 .. E_weight: over parts J of the token's bits of each size, sets that avoid J."""
    weight, vocab = int(code.weights[token]), code.vocab_size
    units = np.flatnonzero(code.bits[token])[None, :]
    traces = traces_on(unit_columns(code.bits), units)[0]
    table = np.bincount(traces, minlength=1 << weight).astype(counter_type(vocab))[None, :]
    table[0, -1] -= 1  # the token itself
    if weight >= 2:
        subset_sums(table)
    elif weight == 1:
        table[0, 1] += table[0, 0]
    kept = np.bitwise_count(np.arange(1 << weight, dtype=np.uint64)).astype(np.int64)
    sums = [0] * (weight + 1)
    slots = (weight - kept) * (vocab + 1) + table[0].astype(np.int64)
    found = np.bincount(slots, minlength=(weight + 1) * (vocab + 1))
    for slot in np.flatnonzero(found).tolist():
        size, avoiding = divmod(slot, vocab + 1)
        sums[size] += int(found[slot]) * math.comb(avoiding, set_size)
    return sums
