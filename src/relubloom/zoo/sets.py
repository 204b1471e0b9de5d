"""Which sets a network of the zoo is for, and drawing them: uniform, Zipf, or correlated.

Correlated sets have topics: tokens 16 i .. 16 i + 15 are topic i. Half of the sets, by chance, are
k tokens of one topic, drawn uniformly; the others are any k tokens. So every token is as frequent
as with uniform sets, and two tokens of a set share a topic more often than not.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Int64
from torch import Tensor

from relubloom import atomic
from relubloom.task import KSparseTask
from relubloom.task.sampling import draw_sets, seeded_generator
from relubloom.zoo.catalogue import SET_SIZE, Entry

SETS = "sets.txt"  # of correlated sets, which a task has as a file
LINES = 100_000  # of that file, a fifth of its distinct sets held out
TOPIC = 16  # tokens
BLOCK = 4096  # sets drawn at once, so that the n-th is the same however many are asked for

Drawing = Callable[[int, int], Int64[Tensor, "sets set_size"]]
"""Sets number start up to stop."""


def task_of(entry: Entry, folder: Path, labels: tuple[str, ...]) -> KSparseTask:
    """The task of an entry; of correlated sets that of `sets.txt`, which is written there.

    Raises:
        FileError: the file cannot be written.
    """
    if entry.source != "correlated":
        return KSparseTask(entry.vocab_size, SET_SIZE, source=entry.source)
    sets = correlated(entry.vocab_size, "lines")(0, LINES).tolist()
    lines = (" ".join(labels[token] for token in tokens) for tokens in sets)
    atomic.write_text(folder / SETS, "\n".join(lines) + "\n")
    return KSparseTask.from_file(folder / SETS, tokens=labels)


def drawing(entry: Entry, task: KSparseTask, stream: str) -> Drawing:
    """Fresh sets of the entry's source, without end; a pure function of the stream's name."""
    if entry.source == "correlated":
        return correlated(entry.vocab_size, stream)
    return task.drawn_sets(stream, 1 << 40).chunk


def correlated(vocab_size: int, stream: str) -> Drawing:
    """Sets with topics."""

    def block(number: int) -> Tensor:
        generator = seeded_generator(0, f"correlated {stream}", number)
        free = draw_sets(generator, BLOCK, vocab_size, (SET_SIZE, SET_SIZE))
        near = draw_sets(generator, BLOCK, TOPIC, (SET_SIZE, SET_SIZE))
        topic, of_topic = torch.empty(2, BLOCK, 1, dtype=torch.int64).random_(
            0, 1 << 40, generator=generator
        )
        near += TOPIC * (topic % (vocab_size // TOPIC))
        return torch.where(of_topic % 2 == 0, near, free)

    def draw(start: int, stop: int) -> Tensor:
        first, last = start // BLOCK, -(-stop // BLOCK)
        blocks = torch.cat([block(number) for number in range(first, last)])
        return blocks[start - first * BLOCK : stop - first * BLOCK]

    return draw
