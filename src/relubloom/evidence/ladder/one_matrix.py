"""One matrix instead of two: W_in read off W_out by a slope per unit and per token."""

from __future__ import annotations

import numpy as np

from relubloom.evidence.ladder.departures import Departures, slopes
from relubloom.evidence.ladder.description_length import REAL
from relubloom.evidence.ladder.rung import Rung
from relubloom.evidence.ladder.stored import as_network
from relubloom.evidence.ladder.subject import Subject


def one_matrix(subject: Subject) -> Rung:
    """A (token, unit) pair has one strength, which both matrices hold."""
    vocab, width = subject.net.vocab_size, subject.net.width
    found, bits = Departures(subject), subject.code.bits
    of_output = found.of_output
    on_bits = slopes(of_output, found.of_input, bits, 0) * of_output
    elsewhere = slopes(of_output, found.of_input, ~bits, 0) * of_output
    of_token = slopes(elsewhere, found.of_input, ~bits, 1)[:, None]
    W_in = found.level_in + np.where(bits, on_bits, of_token * elsewhere)
    return Rung(
        name="one-matrix",
        title="W_in read off W_out",
        meaning="W_out and the biases as stored; an entry of W_in departs from its unit's level "
        "as W_out's entry of the same token and unit does, times a slope (per unit on the bits; "
        "per unit and per token elsewhere).",
        kind="network",
        bits=subject.hash_bits + REAL * (width * vocab + 2 * vocab + 5 * width),
        programs=(as_network(W_in, found.b_in, subject.weights[2].T, subject.weights[3]),),
    )
