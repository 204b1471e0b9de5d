"""What theory says of random codes at the network's sizes: the yardstick beside each figure."""

from __future__ import annotations

from dataclasses import dataclass

from relubloom.errors import UsageError
from relubloom.theory import Expectations, best_constant_weight, constant_weight


@dataclass(frozen=True)
class RandomCodes:
    """Random constant-weight codes of the weight with the least mean mse at one set size."""

    vocab_size: int
    width: int
    weight: int

    def at(self, set_size: int) -> Expectations | None:
        """Their exact mean errors on sets of a size, the hashes staying as they are.

        None where the width is too large for the exact law.
        """
        try:
            return constant_weight(self.vocab_size, self.width, self.weight, set_size)
        except UsageError:
            return None


def random_codes_for(vocab_size: int, width: int, set_size: int) -> RandomCodes | None:
    """The best for `set_size`; None where the width is too large for the exact law.

    Cost: that of `theory.best_constant_weight`.
    """
    try:
        weight = best_constant_weight(vocab_size, width, set_size).weight
    except UsageError:
        return None
    return RandomCodes(vocab_size, width, weight)
