"""What torch does within a block, and after it."""

import torch

from relubloom.threads import denormals_flushed


def tiny() -> float:
    return float(torch.tensor(1e-40).mul(1.0))


def test_tiny_numbers_are_zero_within_the_block_only() -> None:
    assert tiny() > 0
    with denormals_flushed():
        assert tiny() == 0
        with denormals_flushed():
            pass
        assert tiny() == 0
    assert tiny() > 0
