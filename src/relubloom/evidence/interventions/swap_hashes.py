"""Swap the hashes of two tokens in W_in alone."""

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from relubloom.code import Code
from relubloom.evidence.interventions.cases import Cases, even_cases
from relubloom.evidence.interventions.prediction import Prediction
from relubloom.evidence.interventions.subject import Subject
from relubloom.network.relu_net import ReluNet

PAIRS = 32  # each is a network of its own


class SwapHashes:
    """Swap the rows of W_in of two tokens, a and b; the readout stays.

    32 random pairs; a case is a random set with a and without b. The changed network reads b's
    hash where a goes in, so it should call b in a's place: the intervened members are those of
    the set with b for a.
    """

    name = "swap-hashes"
    question = "Do two tokens trade places when their rows of W_in are swapped?"
    prediction = "The decode of the set with b for a."
    control = "predicted as if nothing had been swapped"
    changes = True

    def cases(self, code: Code, sets: NDArray[np.int64], random: np.random.Generator) -> Cases:
        """The first token of each set gives way to a.

        Sets that then hold a twice, or b, are left out: uniform sets with a and without b remain.
        """
        vocab = code.vocab_size
        a = random.integers(vocab, size=PAIRS)
        b = (a + 1 + random.integers(max(1, vocab - 1), size=PAIRS)) % vocab
        pair = np.arange(len(sets)) * PAIRS // max(1, len(sets))
        pairs = np.stack([a[pair], b[pair]], axis=1)
        others = sets[:, 1:]
        clash = (others[:, :, None] == pairs[:, None, :]).any((1, 2)) | (pairs[:, 0] == pairs[:, 1])
        with_a = np.concatenate([pairs[:, :1], others], axis=1)[~clash]
        with_b = np.concatenate([pairs[:, 1:], others], axis=1)[~clash]
        return even_cases(with_a, pairs[~clash], with_b)

    def predict(self, code: Code, cases: Cases) -> Prediction:
        """The union of the set with b for a."""
        return Prediction(code, code.union(cases.members))

    def mispredict(self, code: Code, cases: Cases, random: np.random.Generator) -> Prediction:
        """The union of the set as it is."""
        return Prediction(code, code.union(cases.sets))

    def run(self, subject: Subject, cases: Cases) -> Float[Tensor, "batch vocab"]:
        """Run each pair's network on its cases."""
        logits = torch.empty(len(cases), subject.net.vocab_size, dtype=torch.float64)
        for pair in np.unique(cases.acted_on, axis=0):
            of_pair = torch.from_numpy((cases.acted_on == pair).all(1))
            logits[of_pair] = _swapped(subject.net, pair)(torch.from_numpy(cases.sets)[of_pair])
        return logits


def _swapped(net: ReluNet, pair: NDArray[np.int64]) -> ReluNet:
    W_in = net.W_in.detach().clone()
    W_in[pair] = W_in[pair[::-1].copy()]
    return ReluNet(W_in, net.b_in, net.W_out, net.b_out)
