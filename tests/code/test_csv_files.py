"""CSV: what is written is read back, and each bad file is named by row and column."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from build.code_csv import read_code_csv
from relubloom.code import Code, export_csv
from relubloom.code.csv_files import read_pools
from relubloom.errors import FileError

CODE = Code(np.array([[1, 0, 1], [0, 0, 0]]))


def test_layout(tmp_path):
    path = tmp_path / "code.csv"
    export_csv(CODE, path, ["cat", 'a "dog", wet'])
    assert path.read_text() == 'cat,1,0,1\n"a ""dog"", wet",0,0,0\n'
    assert list(tmp_path.iterdir()) == [path]  # nothing is left beside it


@given(
    arrays(np.bool_, st.tuples(st.integers(1, 5), st.integers(1, 70))).map(Code),
    st.data(),
)
@settings(max_examples=40, deadline=None)
def test_round_trip(tmp_path_factory, code, data):
    path = tmp_path_factory.mktemp("csv") / "code.csv"
    text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)
    labels = data.draw(
        st.lists(text, min_size=code.vocab_size, max_size=code.vocab_size, unique=True)
    )
    export_csv(code, path, labels)
    assert read_code_csv(path) == (labels, code.bits.astype(int).tolist())


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff,1\n", b'"a,1\n'])
def test_what_is_no_table_is_refused(tmp_path, content):
    path = tmp_path / "code.csv"
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"is empty|is not readable CSV") as caught:
        read_pools(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(FileError, match="is not there"):
        read_pools(tmp_path / "none.csv")
