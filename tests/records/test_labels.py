"""The names of tokens: our own words, and those of a folder."""

import re
from pathlib import Path

import pytest

from relubloom.errors import FileError
from relubloom.records.labels import default_labels, read_labels
from relubloom.records.run_folder import write_labels


def test_default_labels_are_short_words_as_far_as_the_list_goes() -> None:
    words = default_labels(1000)
    assert len(set(words)) == 1000
    assert all(re.fullmatch("[a-z]{3,8}", word) for word in words)
    assert default_labels(256) == words[:256]
    large = default_labels(10_001)
    assert (large[0], large[31], large[-1]) == ("t00000", "t00031", "t10000")


def test_labels(tmp_path: Path) -> None:
    assert default_labels(3) == ("kiwi", "lantern", "otter")
    assert read_labels(tmp_path, 2) == ("t0", "t1")
    write_labels(tmp_path, ("é", "new york"))
    assert read_labels(tmp_path, 2) == ("é", "new york")
    with pytest.raises(FileError, match="lists 2 tokens and the network has 3; restore the pair"):
        read_labels(tmp_path, 3)
