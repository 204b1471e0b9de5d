"""The ends of the ladder: knowing nothing, a hash that is not the network's, and the network."""

import numpy as np

from relubloom.code import Code, random_constant_weight
from relubloom.evidence.ladder.description_length import REAL, network_bits
from relubloom.evidence.ladder.rung import Rung
from relubloom.evidence.ladder.subject import Subject

DRAWS = 16


def uniform(subject: Subject) -> Rung:
    """The same share for every token: the filter of a code without bits."""
    return Rung(
        name="uniform",
        title="Uniform output",
        meaning="No numbers: every token gets the share 1/vocab_size, whatever the set.",
        kind="baseline",
        bits=0,
        programs=(Code(np.zeros((subject.net.vocab_size, 1), dtype=np.bool_)),),
    )


def random_hash(subject: Subject) -> Rung:
    """Random constant-weight codes as Bloom filters, of the extracted hash's mean weight."""
    code = subject.code
    weight = round(float(code.weights.mean()))
    return Rung(
        name="random-hash",
        title="Random hash",
        meaning=f"A Bloom filter whose hashes are random with {weight} bits each, the extracted "
        f"hash's mean weight; its numbers are the weight and a seed (median of {DRAWS} seeds).",
        kind="baseline",
        bits=2 * REAL,
        programs=tuple(
            random_constant_weight(code.vocab_size, code.width, weight, seed)
            for seed in range(DRAWS)
        ),
    )


def network(subject: Subject) -> Rung:
    """The network itself."""
    return Rung(
        name="network",
        title="The network",
        meaning="Every weight and bias as stored.",
        kind="network",
        bits=network_bits(subject.net),
        programs=(subject.net,),
    )
