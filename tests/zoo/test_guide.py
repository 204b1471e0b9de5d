"""docs/ground-truth.md: its ten lines run as they stand there."""

from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "ground-truth.md"


def test_the_ten_lines_score_a_method(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RELUBLOOM_CACHE", str(tmp_path))
    section = GUIDE.read_text(encoding="utf-8").split("### Score what it found")[1]
    source = section.split("```python\n")[1].split("```")[0]
    assert len(source.splitlines()) <= 10
    exec(compile(source, str(GUIDE), "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("Score(48 atoms: mcc 0.1")
    assert printed[2] == "code (1.0, 1.0)"
    names = [line.split(" (")[0] for line in printed[1:]]
    assert names == ["directions", "code", "random", "duplicates", "other seed"]
