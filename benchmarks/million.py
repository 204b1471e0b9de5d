"""What each command takes at a million tokens, and with 100,000 sets of 20,000 tokens.

    python benchmarks/million.py [--json]

Rows are seconds of the processor, and memory.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

COMMAND = "from relubloom.cli.app import main; main()"
SIZES = ["-N", "1000000", "-d", "48", "-k", "3"]
LEARN = ["--family", "learned", "-d", "96", "--sets", "SETS"]
ROWS = {
    "construct": ["construct", *SIZES, "--out", "RUN"],
    "query": ["query", "RUN", "5", "6", "7"],
    "certify": ["certify", "RUN", "--quiet", "--threads", "1"],
    "report, not examined": ["report", "RUN"],
    "examine": ["examine", "RUN", "--quiet", "--threads", "1"],
    "report": ["report", "RUN"],
    "construct, learned": ["construct", *LEARN, "--out", "LEARNED"],
    "query, learned": ["query", "LEARNED", "t5", "t100", "t700"],
    "certify, learned": ["certify", "LEARNED", "--set-size", "3", "--quiet", "--threads", "1"],
}

SETS, TOKENS, TOPICS = 100_000, 20_000, 100


def write_sets(path: Path) -> None:
    """Sets of 3 to 8 tokens: seven in ten are of the set's topic, and all have Zipf frequencies."""
    draw = np.random.default_rng(0)

    def zipf(tokens: int) -> np.ndarray:
        masses = 1 / np.arange(1, tokens + 1)
        return draw.choice(tokens, (SETS, 8), p=masses / masses.sum())

    own = zipf(TOKENS // TOPICS) * TOPICS + draw.integers(TOPICS, size=(SETS, 1))
    ids = np.where(draw.random((SETS, 8)) < 0.7, own, zipf(TOKENS))
    sizes = draw.integers(3, 9, SETS).tolist()
    rows = zip(ids.tolist(), sizes, strict=True)
    path.write_text("\n".join(" ".join(f"t{t}" for t in row[:size]) for row, size in rows) + "\n")


def measured(line: list[str]) -> dict[str, float]:
    """Seconds of the processor, peak memory in MiB, and the exit status, of one command."""
    process = subprocess.Popen([sys.executable, "-c", COMMAND, *line], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    return {
        "seconds": round(used.ru_utime + used.ru_stime, 1),
        "MiB": used.ru_maxrss >> 10,
        "status": os.waitstatus_to_exitcode(status),
    }


def main() -> None:
    """Print a row a command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / name.lower() for name in ("RUN", "SETS", "LEARNED")}
        write_sets(paths["SETS"])
        for name, line in ROWS.items():
            given = [str(paths.get(word, word)) for word in line]
            rows.append({"command": name} | measured(given))
            if not asked.json:
                row = rows[-1]
                print(f"{name:<22} {row['seconds']:>8} s {row['MiB']:>6} MiB", flush=True)
    if asked.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
