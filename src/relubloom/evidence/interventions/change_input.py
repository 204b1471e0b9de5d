"""Change W_in and leave the readout: trade two tokens' rows, or keep two levels of each unit."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from relubloom.code import Code
from relubloom.evidence.interventions.intervention import (
    Bits,
    Cases,
    Ids,
    even_cases,
    of_shuffled_hashes,
)
from relubloom.evidence.interventions.prepared_network import PreparedNetwork
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

    def cases(self, code: Code, sets: Ids, random: np.random.Generator) -> Cases:
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

    def predict(self, code: Code, cases: Cases) -> Bits:
        """The union of the set with b for a."""
        return code.union(cases.members)

    def mispredict(
        self, code: Code, cases: Cases, random: np.random.Generator
    ) -> tuple[Code, Bits]:
        """The union of the set as it is."""
        return code, code.union(cases.sets)

    def run(self, net: PreparedNetwork, cases: Cases) -> Float[Tensor, "batch vocab"]:
        """Run each pair's network on its cases."""
        logits = torch.empty(len(cases), net.net.vocab_size, dtype=torch.float64)
        for pair in np.unique(cases.acted_on, axis=0):
            of_pair = torch.from_numpy((cases.acted_on == pair).all(1))
            logits[of_pair] = _swapped(net.net, pair)(torch.from_numpy(cases.sets)[of_pair])
        return logits


class TwoLevelInput:
    """Replace each entry of W_in by one of two values of its unit: the mean of the unit's entries
    that are bits, or the mean of those that are not.

    If only the bit matters, the decode stays. The members are those of the set.
    """

    name = "two-level-input"
    question = "Are the two levels of each unit's column all that matters of W_in?"
    prediction = "The decode of the set: every entry keeps its bit."
    control = "hashes dealt to the tokens anew"
    changes = False

    def cases(self, code: Code, sets: Ids, random: np.random.Generator) -> Cases:
        """Any sets."""
        return even_cases(sets, sets[:, :0], sets)

    def predict(self, code: Code, cases: Cases) -> Bits:
        """The union of the set."""
        return code.union(cases.sets)

    def mispredict(
        self, code: Code, cases: Cases, random: np.random.Generator
    ) -> tuple[Code, Bits]:
        """Another code's union of the set."""
        return of_shuffled_hashes(code, cases.sets, random)

    def run(self, net: PreparedNetwork, cases: Cases) -> Float[Tensor, "batch vocab"]:
        """Run the two-level network."""
        return net.two_level(torch.from_numpy(cases.sets))


def _swapped(net: ReluNet, pair: Ids) -> ReluNet:
    W_in = net.W_in.detach().clone()
    W_in[pair] = W_in[pair[::-1].copy()]
    return ReluNet(W_in, net.b_in, net.W_out, net.b_out)
