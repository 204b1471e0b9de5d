"""CSV: what is written is read back, and each bad file is named by row and column."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from relubloom.code import Code, export_csv, import_csv
from relubloom.errors import FileError, UsageError

CODE = Code(np.array([[1, 0, 1], [0, 0, 0]]))


def test_layout(tmp_path):
    path = tmp_path / "code.csv"
    export_csv(CODE, path)
    assert path.read_text() == "1,0,1\n0,0,0\n"
    export_csv(CODE, path, ["cat", 'a "dog", wet'])
    assert path.read_text() == 'cat,1,0,1\n"a ""dog"", wet",0,0,0\n'
    assert import_csv(path) == (CODE, ["cat", 'a "dog", wet'])
    assert list(tmp_path.iterdir()) == [path]  # nothing is left beside it


@given(
    arrays(np.bool_, st.tuples(st.integers(1, 5), st.integers(1, 70))).map(Code),
    st.data(),
)
@settings(max_examples=40, deadline=None)
def test_round_trip(tmp_path_factory, code, data):
    path = tmp_path_factory.mktemp("csv") / "code.csv"
    export_csv(code, path)
    assert import_csv(path) == (code, None)
    text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)
    labels = data.draw(
        st.lists(text, min_size=code.vocab_size, max_size=code.vocab_size, unique=True)
    )
    export_csv(code, path, labels)
    assert import_csv(path, labelled=True) == (code, labels)


def test_labels_that_look_like_bits_need_saying(tmp_path):
    path = tmp_path / "code.csv"
    export_csv(CODE, path, ["0", "1"])
    assert import_csv(path)[1] is None
    assert import_csv(path, labelled=True) == (CODE, ["0", "1"])


def test_spreadsheet_habits_are_read(tmp_path):
    """A byte order mark, CRLF, spaces round the cells, a blank line at the end."""
    path = tmp_path / "code.csv"
    path.write_bytes("\ufeff1, 0,1\r\n0,0,0 \r\n\r\n".encode())
    assert import_csv(path) == (CODE, None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"1,0\n0,2\n", "row 2, column 2 holds '2': cells are 0 or 1"),
        (b"a,1,0\nb,1,\n", "row 2, column 3 holds ''"),
        (b"unit 1,unit 2\n1,0\n", "row 1, column 2 holds 'unit 2': .* a header is not"),
        (b"1,0\n\n1\n", "row 3 has 1 cells where row 1 has 2"),
        (b"a,1\na,0\n", "token 'a' has two rows"),
        (b"a\nb\n", "row 1 holds no 0/1 cell"),
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"\xff,1\n", "is not readable CSV"),
        (b'"a,1\n', "is not readable CSV"),
    ],
)
def test_bad_files(tmp_path, content, message):
    path = tmp_path / "code.csv"
    path.write_bytes(content)
    with pytest.raises(FileError, match=message) as caught:
        import_csv(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(FileError, match="is not there"):
        import_csv(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("tokens", "message"), [(["a"], "1 tokens were given: the code has 2"), (["a", "a"], "twice")]
)
def test_bad_labels(tmp_path, tokens, message):
    with pytest.raises(UsageError, match=message):
        export_csv(CODE, tmp_path / "code.csv", tokens)
    assert not list(tmp_path.iterdir())
