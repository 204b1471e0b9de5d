"""Names of the zoo: what they say, and what is said of wrong ones."""

import pytest

import relubloom as rb
from relubloom.errors import UsageError
from relubloom.zoo.catalogue import ENTRIES, KINDS, WHAT, entry_of


def test_names_are_distinct_and_lead_back() -> None:
    assert len(set(rb.zoo.names())) == len(ENTRIES) == len(rb.zoo.names())
    for entry in ENTRIES:
        assert entry_of(entry.name) is entry


def test_a_name_says_kind_sizes_and_source() -> None:
    entry = entry_of("constructed-binary-256x48-k3-zipf")
    assert (entry.kind, entry.vocab_size, entry.width) == ("constructed-binary", 256, 48)
    assert entry.source == "zipf"


def test_every_kind_is_there_and_told() -> None:
    assert {entry.kind for entry in ENTRIES} == set(KINDS) == WHAT.keys()
    assert {entry.source for entry in ENTRIES} == {"uniform", "zipf", "correlated"}


def test_each_has_a_network_without_a_relu_beside_it() -> None:
    for entry in ENTRIES:
        if not entry.kind.startswith("planted"):
            assert entry.linear == entry_of(entry.linear.name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("trained-binry-256x48-k3", r"no network 'trained-binry-256x48-k3': the nearest are "
         r"trained-binary-256x48-k3, [^ ]+, [^ ]+; `relubloom zoo list` names all"),
        ("", r"no network '': the nearest are "),
        (7, r"name is 7 \(int\): give one, such as 'constructed-binary-96x48-k3'"),
    ],
)  # fmt: skip
def test_an_unknown_name_is_refused(name: object, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        entry_of(name)
