"""What each command takes at a million tokens: seconds of the processor, and memory.

    python benchmarks/million.py [--all] [--json]

`--all` adds what takes hours: examine, and the page of what it found.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

COMMAND = "from relubloom.cli.app import main; main()"
SIZES = ["-N", "1000000", "-d", "48", "-k", "3"]
ROWS = {
    "construct": ["construct", *SIZES, "--out", "RUN"],
    "query": ["query", "RUN", "5", "6", "7"],
    "certify": ["certify", "RUN", "--quiet", "--threads", "1"],
    "report, not examined": ["report", "RUN"],
}
LONG = {
    "examine": ["examine", "RUN", "--quiet", "--threads", "1"],
    "report": ["report", "RUN"],
}


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
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, line in (ROWS | (LONG if asked.all else {})).items():
            given = [str(Path(folder) / "run") if word == "RUN" else word for word in line]
            rows.append({"command": name} | measured(given))
            if not asked.json:
                row = rows[-1]
                print(f"{name:<22} {row['seconds']:>8} s {row['MiB']:>6} MiB", flush=True)
    if asked.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
