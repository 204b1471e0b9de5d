"""`relubloom zoo score`: its figures, its JSON, and what it refuses in one line."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import relubloom as rb
from build.process import Outcome

Run = Callable[..., Outcome]
NAME = "constructed-binary-96x48-k3"


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELUBLOOM_CACHE", str(tmp_path / "cache"))


def test_the_figures_of_a_file(relubloom: Run, tmp_path: Path) -> None:
    known = rb.zoo.load(NAME, seed=3)
    path = tmp_path / "found.npy"
    np.save(path, -2 * known.code.bits[::-1].astype(np.float16))
    done = relubloom("zoo", "score", NAME, path, "--seed", 3, "--json")
    assert done.status == 0, done.err
    answer = json.loads(done.out)
    score = rb.score(known.code, known).figures
    assert answer == {"network": NAME, "seed": 3, "found": str(path)} | {
        name: pytest.approx(value) for name, value in score.items()
    }
    done = relubloom("zoo", "score", NAME, path)  # another seed: chance
    assert done.status == 0
    lines = dict(line.split() for line in done.out.splitlines())
    assert (lines["atoms"], lines["strength_f1"]) == ("96", "-")
    assert 0.4 < float(lines["bit_f1"]) < 0.6


def test_controls_stand_beside(relubloom: Run, tmp_path: Path) -> None:
    code = rb.random_constant_weight(12, 16, 5, seed=0)
    rb.construct(code).save_pretrained(tmp_path, {"task": {"vocab_size": 12, "set_size": 3}})
    code.save(tmp_path / "code.npz")
    np.savez(tmp_path / "found.npz", atoms=code.bits, sets=np.array([[0, 1, 2]]))
    done = relubloom("zoo", "score", tmp_path, tmp_path / "found.npz", "--controls", "--json")
    assert done.status == 0, done.err
    controls = json.loads(done.out)["controls"]
    assert list(controls) == ["directions", "code", "random", "duplicates", "other seed"]
    assert controls["code"]["bit_f1"] == [1.0, 1.0]
    assert controls["random"]["strength_f1"] is None
    low, high = controls["random"]["bit_f1"]
    assert 0 < low < high < 1
    shown = relubloom("zoo", "score", tmp_path, tmp_path / "found.npz", "--controls").out
    first, second = (block.splitlines() for block in shown.split("\n\n"))
    assert first[0].split() == ["figure", "found", "directions", "code", "random", "duplicates"]
    assert second[0].split() == ["figure", "other", "seed"]
    assert max(map(len, [*first, *second])) <= 80


def test_what_is_refused(relubloom: Run, tmp_path: Path) -> None:
    np.save(tmp_path / "wide.npy", np.ones((3, 7)))
    for arguments, status, said in (
        (("no-such", tmp_path / "wide.npy"), 2, "there is no network 'no-such'"),
        ((NAME, tmp_path / "wide.npy"), 2, "found has shape (3, 7): it must be [atoms, 48]"),
        ((NAME, tmp_path / "gone.npz"), 1, "cannot read"),
        ((NAME, tmp_path / "wide.txt"), 1, "has the suffix '.txt'"),
    ):
        done = relubloom("zoo", "score", *arguments)
        assert (done.status, done.out) == (status, "")
        assert said in done.err
        assert len(done.err.strip().splitlines()) == 1
