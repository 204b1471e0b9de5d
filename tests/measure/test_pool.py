"""How many sets are worked on at a time, and how many a sample has."""

import pytest
import torch

from relubloom.errors import RelubloomError
from relubloom.measure.pool import affordable, chunk_size, over_chunks


def test_a_chunk_stays_in_the_cache_and_is_worth_a_product() -> None:
    assert chunk_size(256, 1 << 21) == 8192
    assert chunk_size(50_257, 1 << 21) == 64
    assert chunk_size(1_000_000, 1 << 21) == 8  # 64 would have 64 million entries
    assert chunk_size(1 << 30) == 1


def test_a_sample_shrinks_where_a_set_has_many_logits() -> None:
    assert affordable(1_000, 256) == 1_000
    assert affordable(1_000, 33_000) == 1_000
    assert affordable(1_000, 50_257) == 667  # 2^25 / 50,257
    assert affordable(1_000, 1_000_000) == 100
    assert affordable(50, 1_000_000) == 50


def test_a_device_that_fills_up_ends_the_work_with_one_line() -> None:
    def full(start: int, stop: int) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to\nallocate 2 GiB")

    with pytest.raises(RelubloomError, match=r"the device has no memory left: .*; lower") as told:
        over_chunks(4, 2, full, print)
    assert "\n" not in str(told.value)
    assert told.value.args[0].endswith("; lower --threads, or use --device cpu")
