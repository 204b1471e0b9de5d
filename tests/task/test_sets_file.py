"""Files of sets: what is kept, what is refused with its line number, and the held-out split."""

import hashlib
from pathlib import Path

import pytest
import torch

from build.process import DATA
from relubloom.errors import FileError, UsageError
from relubloom.task import KSparseTask, as_collection, read_sets


def write(folder: Path, content: str | bytes, name: str = "x.sets") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def named(path: Path, **options: object) -> dict[frozenset[str], int]:
    """The distinct sets by their tokens' names, with copies."""
    found = read_sets(path, **options)
    return {frozenset(found.tokens[i] for i in ids): n for ids, n in found.counts.items()}


def test_spaces_and_commas_separate_and_tokens_are_numbered_as_they_come(tmp_path: Path) -> None:
    found = read_sets(write(tmp_path, "b a\na,c\n  c ,, b  \n"))
    assert found.tokens == ("b", "a", "c")
    assert found.counts == {(0, 1): 1, (1, 2): 1, (0, 2): 1}
    assert found.lines == 3


def test_copies_are_counted_in_whatever_order_their_tokens_stand(tmp_path: Path) -> None:
    path = write(tmp_path, "a b\nb a\nc\nb,a\n")
    assert named(path) == {frozenset("ab"): 3, frozenset("c"): 1}
    assert read_sets(path).lines == 4


def test_a_token_twice_in_a_line_is_merged_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path, "a b a a\nb b\n")
    assert read_sets(path).merged_duplicates == 3
    assert named(path) == {frozenset("ab"): 1, frozenset("b"): 1}


@pytest.mark.parametrize(
    "content",
    [
        b"# title\na b\n\nc\n",
        b"a b\n   \nc",
        b"a b\r\n#x\r\nc\r\n",
        b"\xef\xbb\xbfa b\nc\n",
        b"\xef\xbb\xbf# title\na b\nc\n",
        b"#\xc3\xa9\na b\nc\n",
    ],
    ids=["comment-and-blank", "no-last-newline", "crlf", "bom", "bom-comment", "utf8-comment"],
)
def test_the_same_sets_whatever_the_dress(tmp_path: Path, content: bytes) -> None:
    found = read_sets(write(tmp_path, content))
    assert found.tokens == ("a", "b", "c")
    assert found.counts == {(0, 1): 1, (2,): 1}
    assert (found.lines, found.bad_lines, found.left_out) == (2, 0, 0)


MIB = 1_048_576  # bytes
BAD = {
    "encoding": (b"\xff\xfe", "byte 1 is not UTF-8"),
    "latin-1": (b"caf\xe9 a", "byte 4 is not UTF-8"),
    "tab": (b"a\tb", r"control character U\+0009"),
    "nul": (b"a\x00b", r"control character U\+0000"),
    "c1": ("a\x85b".encode(), r"control character U\+0085"),
    "carriage-return-inside": (b"a\rb", r"control character U\+000D"),
    "over-1-MiB": (b"a" * (MIB + 1), "the line is over 1 MiB"),
    "far-over-1-MiB": (b"a " * (3 * MIB), "the line is over 1 MiB"),
}


@pytest.mark.parametrize(("line", "reason"), BAD.values(), ids=BAD)
def test_a_bad_line_is_refused_with_its_number(tmp_path: Path, line: bytes, reason: str) -> None:
    path = write(tmp_path, b"# title\na b\n" + line + b"\nc\n")
    with pytest.raises(FileError, match=f"line 3: {reason}.*; mend the line or pass skip_bad=True"):
        read_sets(path)


@pytest.mark.parametrize(("line", "reason"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("end", [b"\nc\n", b""], ids=["inside", "last"])
def test_or_counted_and_skipped(tmp_path: Path, line: bytes, reason: str, end: bytes) -> None:
    found = read_sets(path := write(tmp_path, b"a b\n" + line + end), skip_bad=True)
    assert found.bad_lines == 1
    assert found.lines == (2 if end else 1)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_line_of_exactly_1_mib_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, b"a " * (MIB // 2 - 1) + b" b\nc\n")
    found = read_sets(path)
    assert found.tokens == ("a", "b", "c")
    assert found.merged_duplicates == MIB // 2 - 2


def test_a_token_that_the_tokens_file_lacks_is_a_bad_line(tmp_path: Path) -> None:
    path = write(tmp_path, "a b\na zebra\nc\n")
    with pytest.raises(FileError, match="line 2: token 'zebra' is not in the tokens file"):
        read_sets(path, tokens=("c", "b", "a"))
    found = read_sets(path, tokens=("c", "b", "a", "d"), skip_bad=True)
    assert found.tokens == ("c", "b", "a", "d")  # the ids are the tokens file's
    assert found.counts == {(1, 2): 1, (0,): 1}
    assert found.bad_lines == 1


def test_sizes_keep_lines_and_count_what_is_left_out(tmp_path: Path) -> None:
    path = write(tmp_path, "a\na b\na b c\nz y x w\nb b c\n")
    found = read_sets(path, sizes=(2, 3))
    assert found.lines == 3  # "b b c" has two distinct tokens
    assert found.left_out == 2
    assert found.tokens == ("a", "b", "c")  # tokens of the kept lines only


@pytest.mark.parametrize(
    ("content", "options", "text"),
    [
        ("", {}, "holds no sets; give a file with one set per line"),
        ("# only a title\n\n", {}, "holds no sets"),
        ("a\nb\n", {"sizes": (3, 8)}, "none of its 2 sets has 3 to 8 tokens; widen set_size"),
        ("\x01\n\x02\n", {"skip_bad": True}, "all 2 lines are bad; mend the file"),
    ],
)
def test_a_file_that_keeps_no_set_is_refused(
    tmp_path: Path, content: str, options: dict[str, object], text: str
) -> None:
    with pytest.raises(FileError, match=text):
        read_sets(write(tmp_path, content), **options)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"cannot read .*nowhere.sets: No such file"):
        read_sets(tmp_path / "nowhere.sets")
    with pytest.raises(FileError, match=r"is a folder: only regular files are read"):
        read_sets(tmp_path)


def lines_of(task: KSparseTask) -> tuple[set[tuple[int, ...]], set[tuple[int, ...]]]:
    training, held_out = task.training_lines(), task.evaluation_sets()
    return (
        {tuple(row) for row in training.chunk(0, len(training)).tolist()},
        {tuple(row) for row in held_out.chunk(0, len(held_out)).tolist()},
    )


def test_a_fifth_of_the_distinct_sets_is_held_out_with_all_copies(tmp_path: Path) -> None:
    # 50 distinct sets {i, i+1} (mod 50); set i stands i + 1 times: 1275 lines.
    text = "".join(f"t{i} t{(i + 1) % 50}\n" * (i + 1) for i in range(50))
    task = KSparseTask.from_file(write(tmp_path, text))
    assert (task.vocab_size, task.set_size) == (50, 2)
    training, held_out = lines_of(task)
    assert (len(training), len(held_out)) == (40, 10)
    assert not training & held_out
    evaluation, rest = task.evaluation_sets(), task.training_lines()
    copies = evaluation.weights(0, 10).sum() + rest.weights(0, 40).sum()
    assert float(copies) == 1275
    assert evaluation.method == "held-out"


def test_the_split_is_seeded(tmp_path: Path) -> None:
    path = write(tmp_path, "".join(f"t{i} t{i + 1}\n" for i in range(40)))
    split = lines_of(KSparseTask.from_file(path, split_seed=3))
    assert lines_of(KSparseTask.from_file(path, split_seed=3)) == split
    assert lines_of(KSparseTask.from_file(path, split_seed=4)) != split


def test_sets_with_tokens_never_trained_on_are_marked(tmp_path: Path) -> None:
    # Every token stands in one set only, so every held-out set has tokens never trained on.
    text = "".join(f"a{i} b{i}\n" for i in range(20))
    task = KSparseTask.from_file(write(tmp_path, text))
    assert task.evaluation_sets().unseen(0, 4).all()
    # Tokens a and b stand in every set: nothing is unseen, padding neither.
    text = "a b\na\nb\n" * 3
    task = KSparseTask.from_file(write(tmp_path, text))
    assert not task.evaluation_sets().unseen(0, 1).any()


@pytest.mark.parametrize("hold_out", [True, False])
def test_its_sets_are_refused_beside_another_vocabulary(tmp_path: Path, hold_out: bool) -> None:
    path = write(tmp_path, "a b c\nd e\na e\nb c d\nc\n")
    task = KSparseTask.from_file(path, hold_out=hold_out)
    for sets in (task, task.evaluation_sets(), task.training_lines()):
        assert len(as_collection(sets, 5)) > 0
        with pytest.raises(UsageError, match="the sets have 5 tokens and the network 7: they must"):
            as_collection(sets, 7)


def test_training_draws_lines_with_their_copies_and_never_held_out_ones(tmp_path: Path) -> None:
    text = "".join(f"t{i} t{i + 1}\n" for i in range(9)) + "x y\n" * 90
    for seed in range(3):  # whichever side x y falls on
        task = KSparseTask.from_file(write(tmp_path, text), split_seed=seed)
        sets = task.training_sets(0, 0, 2000)
        drawn = {tuple(row) for row in sets.tolist()}
        training, held_out = lines_of(task)
        assert drawn <= training
        assert not drawn & held_out
        frequent = tuple(sorted((task.file.tokens.index("x"), task.file.tokens.index("y"))))
        if frequent in training:  # 90 of the training side's 97 lines
            share = (sets == torch.tensor(frequent)).all(1).double().mean()
            assert float(share) == pytest.approx(90 / 97, abs=0.03)


def test_one_distinct_set_cannot_be_split(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="has 1 distinct set: at least 2 are needed"):
        KSparseTask.from_file(write(tmp_path, "a b\nb a\n"))


def test_a_file_task_says_which_file_it_is() -> None:
    path = DATA / "debtags.sets"
    task = KSparseTask.from_file(path, (3, 8), split_seed=7)
    described = task.describe()
    assert described["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert described["split_seed"] == 7
    assert described["lines"] + described["left_out"] == 60
    assert described["set_size"] == [3, 8]


def test_a_file_of_one_size_has_one_size() -> None:
    task = KSparseTask.from_file(DATA / "nextwords.sets")
    assert task.set_size == 5
    assert task.file is not None
    assert task.file.lines == 48
