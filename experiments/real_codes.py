"""What codes for real sets are worth on held-out sets, over split seeds.

    python experiments/real_codes.py FILE SIZES WIDTH      # such as debtags.sets 3..8 48
    python experiments/real_codes.py FILE any WIDTH --seconds 60 --seeds 5
    python experiments/real_codes.py PACKAGE.json any 64   # tags of an npm package

FILE is a file of sets. A JSON file is an object from names to lists of words, as `emojilib` has in
dist/emoji-en-US.json and `lucide-static` in tags.json; each list is a set. Figures are false
positives a set, exact shares and mse, of the learned code and of its rivals, and the ratio of
false positives to the best random code on sets with and without a token never trained on.
"""

import argparse
import json
import re
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from relubloom import KSparseTask
from relubloom.study.source_codes import source_code, worth_on_source
from relubloom.study.steps import unwatched
from relubloom.task import parse_sizes


def main() -> None:
    """Print a row a split seed, and the median and worst."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("sizes", help="a..b, or any")
    parser.add_argument("width", type=int)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        path = given.file
        if path.suffix == ".json":
            path = Path(folder) / f"{path.stem}.sets"
            path.write_text(sets_of(json.loads(given.file.read_text(encoding="utf-8"))))
        for seed in range(given.seeds):
            rows.append(row(path, given, seed))
            print("  ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
    for name in ("false_positives", "p_exact", "mse"):
        values = [each[name] for each in rows]
        worst = min(values) if name == "p_exact" else max(values)
        print(f"{name}: median {statistics.median(values):.4g}, worst {worst:.4g}")


def row(path: Path, given: argparse.Namespace, seed: int) -> dict[str, Any]:
    """The figures of one split."""
    sizes = None if given.sizes == "any" else parse_sizes(given.sizes)
    task = KSparseTask.from_file(path, sizes, split_seed=seed)
    started = time.perf_counter()
    code, made = source_code("learned", task, given.width, given.seconds, 0, unwatched)
    seconds = time.perf_counter() - started
    worth = worth_on_source(code, task, given.width)
    held_out, rivals = worth["held_out"], worth["rivals"]
    random = rivals["constant-weight"]
    shown: dict[str, Any] = {"split": seed, "tokens": task.vocab_size, "sets": held_out["sets"]}
    shown |= {name: round(held_out[name], 5) for name in ("false_positives", "p_exact", "mse")}
    shown |= {name: round(rival["false_positives"], 3) for name, rival in rivals.items()}
    for part in ("seen", "unseen"):
        if held_out[part] is not None and random[part]["false_positives"] > 0:
            ratio = held_out[part]["false_positives"] / random[part]["false_positives"]
            shown[f"{part}_over_random"] = round(ratio, 3)
    return shown | {"finished": made["finished"], "seconds": round(seconds, 1)}


def sets_of(tags: dict[str, list[str]]) -> str:
    """One line a list, with spaces and commas inside a word replaced by `_`."""
    lines = (" ".join(re.sub(r"[\s,]+", "_", word) for word in words) for words in tags.values())
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
