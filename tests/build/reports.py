"""The pages that a browser opens in the tests: one of each kind of folder, made once."""

from pathlib import Path

import pytest

STATES = ("study", "bare", "constructed", "hostile")  # and "graded", for the explorer
# Of 16 tokens, those at even places stand beside the matrix.
HOSTILE = (
    "<script>window.hacked = 1</script>",
    "</style><svg onload='window.hacked = 1'>",
    '"><img src=x onerror="window.hacked = 1">',
    "</title></textarea></script><script>window.hacked = 1</script>",
    "' onmouseover='window.hacked = 1' x='",
    "<!--<script>",
    "x" * 10_000,
    "{{ 7 * 7 }}${7 * 7}{0}%s`code`W_in*",
    "שלום עולם",
    "\u202eevil\u202dtxt",
    "👩‍👩‍👧‍👦🏴‍☠️",
    "__proto__",
    "&lt;b&gt;&amp;amp;",
    "constructor",
    "back\\slash\u2028`tick`",
    "\u0007bell\u0000nul\u001b[31m",
)


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of each kind of folder, by name; the folders are gone with the session."""
    from build.evidence import add_evidence
    from build.report_runs import constructed_run, graded_run, noisy, study, trained_run
    from relubloom.code import random_constant_weight
    from relubloom.report.page import write_report
    from relubloom.study.steps import certify_run
    from relubloom.task import KSparseTask

    root = tmp_path_factory.mktemp("reports")
    study(root / "study", seeds=2, task=KSparseTask(64, 3), width=24)
    for name in ("seed-0", "seed-1", "constructed"):
        add_evidence(root / "study" / name, 64, 24, 3)
        certify_run(root / "study" / name)
    noisy(random_constant_weight(9, 6, 2, 0), 0).save_pretrained(root / "bare")
    constructed_run(root / "constructed")
    trained_run(root / "hostile", labels=HOSTILE)
    graded_run(root / "graded")
    return {name: write_report(root / name) for name in (*STATES, "graded")}
