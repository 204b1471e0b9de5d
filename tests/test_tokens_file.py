"""Files of tokens: what a person may write, what is refused, and what a folder keeps as it is."""

import re
from pathlib import Path

import pytest

from relubloom.errors import FileError, UsageError
from relubloom.tokens_file import check_labels, doubtful_lines, read_tokens, stored_tokens


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "words.txt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("content", "tokens"),
    [
        ("b\na\n", ("b", "a")),
        (b"\xef\xbb\xbfb\r\nnew york", ("b", "new york")),
        ("  swan  \n\n\t\nguinea pig\n\n", ("swan", "guinea pig")),
        ("hen\rowl\r", ("hen", "owl")),
        ("Paris, France\nRome, Italy\n", ("Paris, France", "Rome, Italy")),
        (",\n),\na\n", (",", "),", "a")),
    ],
)
def test_one_token_a_line(tmp_path: Path, content: str | bytes, tokens: tuple[str, ...]) -> None:
    assert read_tokens(write(tmp_path, content)) == tokens


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", " holds no tokens; give a file with one token per line"),
        ("\n  \n", " holds no tokens; give a file with one token per line"),
        ("a\n\nb\na\n", ", line 4: token 'a' stands in line 1 too; list each token once"),
        (
            b"a\nh\xe9ron \n",
            ", line 2, 'h\ufffdron', is not UTF-8; save the file as UTF-8",
        ),
        (b"\x89PNG\r\n\x1a\n\0\0", " is no text; give a file with one token per line"),
        ("dog\nhen\n".encode("utf-16"), " is UTF-16; save the file as UTF-8"),
        (
            "dog, cat, hen\n",
            ", line 1 holds all tokens, with commas between: a tokens file has one token a line; "
            "put each on a line of its own",
        ),
        (
            "sheep\nhorse, \ngoat,\n",
            ", line 2: 'horse,' ends in a comma, which would be part of the token: a tokens file "
            "has one token a line; leave the comma out",
        ),
    ],
)
def test_what_is_no_tokens_file(tmp_path: Path, content: str | bytes, said: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(FileError) as refused:
        read_tokens(path)
    assert str(refused.value) == f"{path}{said}"


def test_space_that_tells_labels_apart_is_kept(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("the\n the\n\ncat \n")
    assert read_tokens(tmp_path / "words") == ("the", " the", "cat ")


def test_a_folder_keeps_its_labels_as_they_are(tmp_path: Path) -> None:
    assert stored_tokens(write(tmp_path, " a\na \na\x00\n")) == (" a", "a ", "a\x00")
    for content in ("", "a\n\nb\n", "a\na\n"):
        with pytest.raises(FileError, match=r"has an empty line, or a token twice; restore it$"):
            stored_tokens(write(tmp_path, content))


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (("guinea pig", "new york city", "a"), ""),
        (("dog cat hen", "cow owl ant", "a"), "3 words or more"),
        (("dog,cat", "cow,owl"), "commas"),
    ],
)
def test_lines_of_something_else_are_hinted_at(labels: tuple[str, ...], said: str) -> None:
    hint = doubtful_lines("x.txt", labels)
    assert (
        hint.startswith(f"most lines of x.txt hold {said}, and each counts") if said else not hint
    )


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (("a",), "1 token labels for 2 tokens: give one label a token"),
        (("a", "b\rc"), r"token label 'b\rc' is no line of a text: "),
        (("a\n", "b"), r"token label 'a\n' is no line of a text: "),
        (("", "b"), "token label '' is no line of a text: a label holds something, and no end of"),
        (("a", "a"), "token label 'a' is given twice: they differ; rename one"),
    ],
)
def test_labels_that_no_file_holds_are_refused(labels: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        check_labels(labels, 2)
