"""docs/results/full-width.md, made from records of sweeps that nobody ran."""

import math
from pathlib import Path
from typing import Any

from full_width import write_page
from relubloom.theory import best_constant_weight


def record(width: int, steps: int, seed: int, mse: float, **others: Any) -> dict[str, Any]:
    return {
        **{"status": "done", "vocab_size": 64, "set_size": 3, "learning_rate": 5e-3},
        **{"width": width, "steps": steps, "seed": seed, "mse": mse, "verdict": "bloom"},
        **{"half_share": 0.0, "loss_failure_f1": 0.9, "graded_loss_failure_f1": None},
        **{"graded_mse": None, "extracted_mse": best_constant_weight(64, width, 3).mse},
        **others,
    }


def test_rates_and_doublings(tmp_path: Path) -> None:
    rows = [
        record(width, 100, seed, 0.5 * math.exp(-width / 6) * (1 + 0.1 * seed))
        for width in (20, 24, 28)
        for seed in range(3)
    ]
    rows.append(record(24, 200, 0, 0.5 * math.exp(-4) * 1.1 * 0.8))
    rows.append(record(24, 200, 1, 0.3, learning_rate=1e-3, graded_mse=0.25))
    page = write_page(rows, tmp_path).read_text(encoding="utf-8")
    assert "graded" in (tmp_path / "full-width.svg").read_text("utf-8")
    assert "| 24 | 100 | 3 | 0.01007 | 0.01099 | 20.0% |" in page
    assert "| trained | 0.500 |" in page  # 3 / 6
    [codes] = [line for line in page.splitlines() if line.startswith("| its code")]
    [binary] = [line for line in page.splitlines() if line.startswith("| random binary")]
    assert codes.split("|")[2:] == binary.split("|")[2:]
    assert page.index("## At rate 0.001") < page.index("| 24 | 200 | 1 | 0.30000")
