"""A network trained without ReLU, written as a `ReluNet` whose units never reach 0."""

import torch

from relubloom.network.relu_net import ReluNet

SLACK = 4.0  # roundings per summand by which a unit stays above 0


def always_on(net: ReluNet, largest: int) -> ReluNet:
    """The linear map (x @ W_in + b_in) @ W_out + b_out as a network that applies a ReLU.

    b_in is raised, unit by unit, until the unit is above 0 on every set of at most `largest`
    distinct tokens, and no further; what that adds to the logits is taken off b_out. The ReLU
    then clips nothing, so the network is exactly linear on those sets, whether it is evaluated in
    float64 or in the weights' own precision. W_in and W_out stay as they are.

    The cost: b_out is rounded once more, so in float32 a logit differs from the trained one by at
    most 2^-24 |b_out|, by the same amount on every set.

    Cost: O(vocab width).
    """
    precision = torch.finfo(net.W_in.dtype)
    W_in, b_in, W_out, b_out = (value.detach().double() for value in net.parameters())
    taken = min(largest, net.vocab_size)
    lowest = W_in.topk(taken, dim=0, largest=False).values.clamp(max=0).sum(0)
    size = W_in.abs().topk(taken, dim=0).values.sum(0) + b_in.abs()
    above = (SLACK * (taken + 2) * precision.eps * size).clamp(min=precision.tiny)
    raised = torch.maximum(b_in, above - lowest).to(net.W_in.dtype)
    shifted = b_out - (raised.double() - b_in) @ W_out
    return ReluNet(net.W_in, raised, net.W_out, shifted.to(net.W_in.dtype))
