"""The names of a network's tokens: those that lie in its folder, those that are given, our own."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from relubloom.errors import FileError, UsageError
from relubloom.network.relu_net import ReluNet
from relubloom.records.run_folder import TOKENS, described_task
from relubloom.tokens_file import read_tokens, stored_tokens


def labels_of(net: ReluNet) -> tuple[str, ...]:
    """The labels in the folder that a network was read from, as `read_labels`; else t0, t1, ..."""
    return (
        id_labels(net.vocab_size) if net.folder is None else read_labels(net.folder, net.vocab_size)
    )


def read_labels(folder: Path, vocab_size: int) -> tuple[str, ...]:
    """The tokens' labels: `tokens.txt` where there is one, else t0, t1, ...

    Raises:
        FileError: `tokens.txt` is damaged or has another number of tokens.
    """
    return given_labels(folder, vocab_size) or id_labels(vocab_size)


def given_labels(
    folder: Path, vocab_size: int, tokens: Path | None = None
) -> tuple[str, ...] | None:
    """The labels of a file `tokens`, else those of the folder's `tokens.txt`; None without either.

    Raises:
        UsageError: `tokens` has another number of tokens than the network; or the folder's task is
            a file of sets, whose words they are, and `tokens` has others.
        FileError: a file is damaged, or `tokens.txt` has another number of tokens.
    """
    path = folder / TOKENS
    own = stored_tokens(path) if path.exists() else None
    if tokens is None:
        if own is not None and len(own) != vocab_size:
            raise FileError(
                f"{path} lists {len(own)} tokens and the network has {vocab_size}; restore the pair"
            )
        return own
    labels = read_tokens(tokens)
    if len(labels) != vocab_size:
        raise UsageError(
            f"{tokens} lists {len(labels)} tokens and the network of {folder} has {vocab_size}: "
            "give one label a token, in the order of the ids"
        )
    if described_task(folder).get("source") == "file" and labels != own:
        raise UsageError(
            f"{tokens} has other tokens than {path}, which are the words of the sets file that "
            f"{folder} was made from: they cannot be renamed; leave --tokens out"
        )
    return labels


def default_labels(vocab_size: int) -> tuple[str, ...]:
    """Words of `words.txt` for networks of our own; `id_labels` where they are too few."""
    words = _words()
    return words[:vocab_size] if vocab_size <= len(words) else id_labels(vocab_size)


def id_labels(vocab_size: int) -> tuple[str, ...]:
    """t0, t1, ..., with as many leading zeros as make them sort."""
    digits = len(str(vocab_size - 1))
    return tuple(f"t{index:0{digits}d}" for index in range(vocab_size))


@cache
def _words() -> tuple[str, ...]:
    """The built-in labels; the list only grows, and at its end, so that a token keeps its name."""
    text = files("relubloom").joinpath("words.txt").read_text(encoding="utf-8")
    return tuple(text.split())
