"""Codes for real sets on held-out sets. Regenerates docs/results/real-codes.md.

    python experiments/real_codes.py debtags.sets 3..8 48 nextwords.sets any 64 tags.json any 112

Each file stands with the sizes of its sets (or any) and a width. A JSON file is an object from
names to lists of words, as the npm packages `emojilib` (dist/emoji-en-US.json) and `lucide-static`
(tags.json) bring; each list is a set. One run takes minutes: five splits of each file.
"""

import argparse
import json
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from relubloom import KSparseTask, atomic
from relubloom.progress import unwatched
from relubloom.study.source_codes import source_code, worth_on_source
from relubloom.task import parse_sizes

HEAD = """# Codes for real sets

Made by `python experiments/real_codes.py`{options}. A fifth of the distinct sets of a file is held
out, by split seeds 0 to {last}; every cell is the median and the worst of these splits. F is false
positives a set on the held-out sets, copies counted. *seen* is F of the learned code over F of the
best random code, on the held-out sets whose every token is in a training set; *unseen* is the same
on the others. Seconds are those of learning, on a machine that other work shared: at {seconds:g} it
was stopped before its end.

| file | tokens | width | F | exact | mse | F, by frequency | F, random | seen | unseen | seconds |
|---|---|---|---|---|---|---|---|---|---|---|
"""
COLUMNS: dict[str, Callable[[list[float]], float]] = {
    "false_positives": max,
    "p_exact": min,
    "mse": max,
    "frequency": max,
    "constant-weight": max,
    "seen": max,
    "unseen": max,
    "seconds": max,
}  # and which is the worst


def main() -> None:
    """Learn and judge; print each split, and write the page after each file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", help="FILE SIZES WIDTH, once or more often")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("docs/results/real-codes.md"))
    given = parser.parse_args()
    options = "".join(
        f" --{name} {getattr(given, name):g}"
        for name in ("seconds", "splits")
        if getattr(given, name) != parser.get_default(name)
    )
    page = HEAD.format(options=options, last=given.splits - 1, seconds=given.seconds)
    with tempfile.TemporaryDirectory() as folder:
        for name, sizes, width in zip(*(iter(given.files),) * 3, strict=True):
            path = Path(name)
            if path.suffix == ".json":
                path = Path(folder) / f"{path.stem}.sets"
                path.write_text(sets_of(json.loads(Path(name).read_text(encoding="utf-8"))))
            splits: list[dict[str, Any]] = []
            for seed in range(given.splits):
                kept = None if sizes == "any" else parse_sizes(sizes)
                task = KSparseTask.from_file(path, kept, split_seed=seed)
                splits.append(judged(task, int(width), given.seconds))
                print(path.stem, seed, splits[-1], flush=True)
            page += row(path.stem, int(width), splits)
            atomic.write_text(given.out, page)


def judged(task: KSparseTask, width: int, seconds: float) -> dict[str, Any]:
    """The figures of one split."""
    started = time.perf_counter()
    code, _ = source_code("learned", task, width, seconds, 0, unwatched)
    spent = time.perf_counter() - started
    worth = worth_on_source(code, task, width)
    held_out, rivals = worth["held_out"], worth["rivals"]
    found = {name: held_out[name] for name in ("false_positives", "p_exact", "mse")}
    found |= {name: rival["false_positives"] for name, rival in rivals.items()}
    for part in ("seen", "unseen"):
        ours, random = held_out[part], rivals["constant-weight"][part]
        if ours is not None and random["false_positives"] > 0:
            found[part] = ours["false_positives"] / random["false_positives"]
    return found | {"tokens": task.vocab_size, "seconds": spent}


def row(name: str, width: int, splits: list[dict[str, Any]]) -> str:
    """Median and worst of each figure."""
    cells = [name, f"{splits[0]['tokens']:,}", str(width)]
    for column, worst in COLUMNS.items():
        values = [split[column] for split in splits if column in split]
        cells.append(f"{statistics.median(values):.3g}, {worst(values):.3g}" if values else "-")
    return f"| {' | '.join(cells)} |\n"


def sets_of(tags: dict[str, list[str]]) -> str:
    """One line a list, with spaces and commas inside a word replaced by `_`."""
    lines = (" ".join(re.sub(r"[\s,]+", "_", word) for word in words) for words in tags.values())
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
