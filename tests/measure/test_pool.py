"""How many sets are worked on at a time, and how many a sample has."""

from relubloom.measure.pool import affordable, chunk_size


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
