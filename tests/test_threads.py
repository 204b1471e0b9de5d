"""What torch does within a block, and after it."""

import torch

from relubloom.threads import denormals_flushed, threads_for


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


def test_small_operations_have_one_thread() -> None:
    assert threads_for(2**23 - 1, 3) == 1
    assert threads_for(2**23, 3) == 3
    assert threads_for(2**23, None) == torch.get_num_threads()
