"""What is said of a verdict, word by word."""

import pytest

from relubloom.records.shortfall import always_f1, filter_words, reading_words
from relubloom.records.verdict import Reading, ReadingBeside


def beside(
    reading: Reading, quantity: str, value: float, threshold: float, width: int | None = None
) -> ReadingBeside:
    return ReadingBeside(
        reading=reading, quantity=quantity, value=value, threshold=threshold, try_width=width
    )


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (ReadingBeside(), ""),
        (
            beside("too-narrow", "width", 16, 48, 53),
            "too narrow: 16 units, where a Bloom filter for such sets asks for 48; try 53 or more",
        ),
        (
            beside("superposition", "set_size", 1, 2),
            "superposition: no set has more than 1 token, and up to 2 can be told apart by the sum "
            "of their directions, so a Bloom filter is not needed",
        ),
        (
            beside("nearly-linear", "units_off", 0.0123, 0.1),
            "nearly linear: the ReLU hardly clips; units are off in 1.23% of the (set, unit) "
            "pairs, where more than 10% would count as clipping",
        ),
        (
            beside("mostly-dead", "dead_token_share", 0.512, 0.5),
            "mostly dead: share of tokens that are missed on more than half of the sets that hold "
            "them: 51.20%, where 50% or more counts as mostly",
        ),
    ],
)
def test_a_reading_in_words(found: ReadingBeside, words: str) -> None:
    assert reading_words(found) == words


def test_a_filter_is_poor_beyond_a_quarter_more_than_random() -> None:
    assert filter_words(None, 1.0) == ""
    assert filter_words(0.5, None) == "its hash 0.5"
    assert filter_words(1.25, 1.0) == "its hash 1.25, the best random code 1"
    assert filter_words(1.26, 1.0).endswith("a poor filter, worse than the random code")


def test_the_f1_of_saying_that_every_set_fails_by_hand() -> None:
    # Precision 1/4 and recall 1: 2 (1/4) / (1 + 1/4).
    assert always_f1(0.25) == pytest.approx(0.4)
    assert always_f1(0.0) is None
