"""Trainings that the machine has no memory for are refused before they begin."""

import os

import pytest

from relubloom.errors import UsageError
from relubloom.memory import refuse_too_large


@pytest.mark.parametrize(
    ("networks", "needed", "together"), [(1, 1504, ""), (3, 4512, " of 3 networks")]
)
def test_weights_gradients_and_moments_must_fit(
    networks: int, needed: int, together: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 10 tokens, 4 units: 40 + 4 + 40 + 10 numbers, of 4 bytes, 4 times.
    pages = {"SC_PHYS_PAGES": needed, "SC_PAGE_SIZE": 1}
    monkeypatch.setattr(os, "sysconf", pages.__getitem__)
    refuse_too_large(10, 4, networks)
    pages["SC_PHYS_PAGES"] -= 1
    with pytest.raises(UsageError, match=rf"^vocab_size 10 and width 4{together} need 0 GiB for"):
        refuse_too_large(10, 4, networks)


def test_a_large_number_is_told_by_its_digits() -> None:
    with pytest.raises(UsageError, match=r"^vocab_size a number of 19 digits and width 9{18} need"):
        refuse_too_large(10**18, 10**18 - 1)
