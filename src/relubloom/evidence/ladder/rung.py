"""A rung of the explanation ladder: a program that answers sets, with its length in bits."""

from __future__ import annotations

from dataclasses import dataclass

from relubloom.code import Code
from relubloom.network.relu_net import ReluNet
from relubloom.records.ladder import Kind

Program = Code | ReluNet
"""A code runs as a Bloom filter: 1/(k + F) on members and false positives."""


@dataclass(frozen=True)
class Rung:
    """A program, or several draws of one (their medians are shown), and what it costs to write.

    `name` is kebab-case; `title` is for people; `meaning` says in one sentence what the numbers
    of the program are. `kind`: an *explanation* has a hash and O(vocab + width) further numbers,
    each with a meaning; a *quantisation* stores matrices in fewer bits and explains nothing.
    `bits`: see `description_length`.
    """

    name: str
    title: str
    meaning: str
    kind: Kind
    bits: int
    programs: tuple[Program, ...]

    @property
    def network(self) -> ReluNet:
        """The program of a rung that is one network."""
        (program,) = self.programs
        if not isinstance(program, ReluNet):
            raise TypeError(f"the rung {self.name} is a code, not a network")
        return program
