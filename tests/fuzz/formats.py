"""Each format of file: a sample, how it is changed, what reads it, and when an answer is wrong."""

import io
import json
import shutil
import sqlite3
import tomllib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load

from build.report_runs import study
from build.sweep import record
from fuzz.mutate import Draw, changed_bytes, changed_json, changed_text
from relubloom.records.sweep_row import Glance, SweepRow
from relubloom.sweep.results import RESULTS, Results
from relubloom.task import KSparseTask
from relubloom.training import Recipe, train_stack
from relubloom.training.run import TrainingRun

SETS = "# pets\ncat, dog\ndog fish\ncat fish\ncat dog\nfish hen\nhen cat\n"
TOKENS = "cat\ndog\nfish\nhen\nowl\nfox\n"
SPEC = """[sweep]
name = "small"
[defaults]
vocab_size = 12
set_size = 2
[[grid]]
width = [3, 4]
steps = [1, 2]
seeds = 2
learning_rate = 0.01
[[grid]]
width = 6
set_size = "1..2"
source = "zipf"
"""
EVIDENCE = ("behaviour", "mechanism", "interventions", "ladder", "certificate", "dynamics")


@dataclass(frozen=True)
class Asked:
    """A command line, and what is wrong with its answer: None, or a sentence."""

    arguments: list[str]
    judge: Callable[[str], str | None] = lambda _: None


Make = Callable[[Path, Draw], Asked]


def samples(root: Path) -> None:
    """A study of one small network, and a table of a sweep; a second or two."""
    study(root / "study", 1, KSparseTask(6, 2), 5)
    (root / "trained").mkdir()
    _trained(root / "trained")
    figures = record()
    rows = [
        SweepRow(
            f"{n:016x}",
            "done",
            {"vocab_size": 12, "width": 3 + n, "set_size": 2, "seed": n, "objective": "mse"},
            Glance.of(figures),
            None,
            1.0,
            2.0,
        )
        for n in range(4)
    ]
    Results(root / "sweep", create=True).record(rows)


def sets_file(case: Path, draw: Draw) -> Asked:
    """Judged by counting the kept lines anew."""
    content = changed_text(SETS, draw)
    (case / "sets.txt").write_bytes(content)
    (case / "tokens.txt").write_text(TOKENS)
    run = str(case / "study" / "seed-0")
    line = ["certify", run, "--sets", str(case / "sets.txt"), "-k", "2", "--json", "--quiet"]
    line += ["--tokens", str(case / "tokens.txt"), *(["--skip-bad"] * draw.randint(0, 1))]

    def judge(out: str) -> str | None:
        lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        kept = sum(_is_pair(each.removesuffix(b"\r")) for each in lines)
        found = json.loads(out)["sets"]
        return None if found == kept else f"{found} sets were certified and {kept} are there"

    return Asked(line, judge)


def _is_pair(line: bytes) -> bool:
    known = set(TOKENS.split())
    words = set(line.replace(b",", b" ").split(b" ")) - {b""}
    return not line.startswith(b"#") and len(words) == 2 and words <= {w.encode() for w in known}


def tokens_file(case: Path, draw: Draw) -> Asked:
    """Judged by the labels that the answer has."""
    content = changed_text(TOKENS, draw)
    run = case / "study" / "seed-0"
    (run / "tokens.txt").write_bytes(content)

    def judge(out: str) -> str | None:
        first = content.decode("utf-8-sig").split("\n")[0].removesuffix("\r")
        said = json.loads(out)["members"]
        return None if first in said else f"members {said} lack {first!r}"

    return Asked(["query", str(run), "0", "1", "--json"], judge)


def config(case: Path, draw: Draw) -> Asked:
    """Judged by the logits of the weights."""
    _change(case / "study" / "seed-0" / "config.json", changed_json, draw)
    return _queried(case, draw)


def weights(case: Path, draw: Draw) -> Asked:
    """Judged by the logits of the weights, where they are read."""
    path = case / "study" / "seed-0" / "model.safetensors"
    content = path.read_bytes()
    if draw.random() < 0.5:  # the header, or a number
        at = draw.randrange(8, len(content) - 4)
        odd = np.float32(draw.choice((3e38, -3e38, np.nan, np.inf, 1e-45))).tobytes()
        path.write_bytes(content[:at] + odd + content[at + 4 :])
    else:
        path.write_bytes(changed_bytes(content, draw))
    return _queried(case, draw)


def code(case: Path, draw: Draw) -> Asked:
    """Judged by the union, from numpy's own reader."""
    path = case / "study" / "seed-0" / "code.npz"
    arrays = dict(np.load(path))
    kind = draw.randrange(4)
    if kind == 0:
        path.write_bytes(changed_bytes(path.read_bytes(), draw))
    elif kind == 1:
        with zipfile.ZipFile(path, "w") as archive:
            for name, array in arrays.items():
                buffer = io.BytesIO()
                np.save(buffer, array)
                archive.writestr(f"{name}.npy", changed_bytes(buffer.getvalue(), draw))
    else:
        name = draw.choice([*arrays])
        arrays[name] = draw.choice(
            (
                np.int64(draw.choice((-5, 0, 2, 99, 2**62))),
                np.zeros((0, 3), np.uint8),
                np.zeros((6, 1), np.float64),
                np.array("5"),
                np.full((6, 1), 255, np.uint8),
                np.array([None]),
            )
        )
        np.savez(path, **arrays)

    def judge(out: str) -> str | None:
        stored = np.load(path)
        if "packed_bits" not in stored:
            return None
        bits = np.unpackbits(stored["packed_bits"], axis=1, count=int(stored["width"]))
        if bits.shape != (6, 5):
            return None  # another network's: the code is read off the weights
        union = np.flatnonzero(bits[0] | bits[1]).tolist()
        said = json.loads(out)["union"]
        return None if said == union else f"the union is {union} and {said} was said"

    return Asked(["query", str(path.parent), "0", "1", "--json"], judge)


def history(case: Path, draw: Draw) -> Asked:
    """A page is written or nothing."""
    _change(case / "study" / "seed-0" / "history.jsonl", _changed_lines, draw)
    return _page(case, draw)


def evidence(case: Path, draw: Draw) -> Asked:
    """A page is written or nothing."""
    run = case / "study" / "seed-0"
    there = [name for name in EVIDENCE if (run / f"{name}.json").exists()]
    _change(run / f"{draw.choice(there)}.json", changed_json, draw)
    return _page(case, draw)


def study_record(case: Path, draw: Draw) -> Asked:
    """A page is written or nothing."""
    _change(case / "study" / "study.json", changed_json, draw)
    return Asked(["report", str(case / "study"), "--json"])


def results(case: Path, draw: Draw) -> Asked:
    """Judged by the number of runs."""
    shutil.copytree(case.parent / "samples" / "sweep", case / "sweep")
    path = case / "sweep" / RESULTS
    if draw.random() < 0.4:
        path.write_bytes(changed_bytes(path.read_bytes(), draw))
    else:
        with sqlite3.connect(path) as database:
            column = draw.choice(("settings", "figures", "status", "seconds", "reason", "run"))
            (text,) = database.execute(f"SELECT {column} FROM runs").fetchone()
            is_json = column in ("settings", "figures")
            said = changed_json(text, draw).decode("utf-8", "replace") if is_json else None
            value = said or draw.choice(("", b"\xff", -1, 1e999, "NaN", "\x1b[2J"))
            database.execute(f"UPDATE runs SET {column} = ? WHERE rowid = 1", (value,))
        database.close()
    extra = draw.choice(([], ["--sort", "mse"], ["--where", "mse<1"], ["--limit", "9"]))

    def judge(out: str) -> str | None:
        runs = len(json.loads(out)["runs"])
        return None if runs == 4 or extra[:1] == ["--where"] else f"{runs} runs of 4"

    return Asked(["results", str(case / "sweep"), "--json", *extra], judge)


def spec(case: Path, draw: Draw) -> Asked:
    """Judged by the number of points: those that are runs, and those that are impossible."""
    path = case / "spec.toml"
    text = SPEC
    if draw.random() < 0.5:
        key = draw.choice(("width", "steps", "set_size", "source", "seeds", "learning_rate"))
        odd = ("[]", "-1", "9" * 5000, "nan", '"\\u0000"', "[" * 500, "10000000", "[1, [2]]", "{}")
        text = text.replace(f"{key} = ", f"{key} = {draw.choice(odd)}\n# ", 1)
        path.write_text(text)
    else:
        path.write_bytes(changed_text(text, draw))

    def judge(out: str) -> str | None:
        found, said = tomllib.loads(path.read_text()), json.loads(out)
        points = 0
        for grid in (found.get("defaults", {}) | each for each in found["grid"]):
            axes = [len(value) for value in grid.values() if isinstance(value, list)]
            points += int(np.prod(axes)) * max(1, grid.get("seeds", 1))
        told = said["runs"] + said["impossible"]
        return f"{told} runs of {points}" if said["runs"] > points else None

    return Asked(["sweep", str(path), "--out", str(case / "out"), "--dry-run", "--json"], judge)


TRAINED = ["train", "-N", "6", "-d", "4", "-k", "2", "--steps", "6", "--batch-size", "8", "--quiet"]


def checkpoint(case: Path, draw: Draw) -> Asked:
    """Judged by the weights: those of a training that never stopped, to the last bit."""
    stored, out = case.parent / "samples" / "trained", case / "out"
    content = (stored / "checkpoint.safetensors").read_bytes()
    out.mkdir()
    if draw.random() < 0.8:  # an unchanged one goes on
        content = changed_bytes(content, draw)
    (out / "checkpoint.safetensors").write_bytes(content)

    def judge(_: str) -> str | None:
        same = (out / "model.safetensors").read_bytes() == (
            stored / "model.safetensors"
        ).read_bytes()
        return None if same else "other weights came out than of a training that never stopped"

    return Asked([*TRAINED, "--out", str(out), "--resume"], judge)


def _trained(folder: Path) -> None:
    """A training that went to its end, and the checkpoint that it would have left halfway."""
    task, recipe = KSparseTask(6, 2), Recipe(steps=6, batch_size=8)

    run = TrainingRun(task, 4, recipe, (0,), "cpu", None)
    for _ in range(3):
        run.advance()
    run.save(folder / "checkpoint.safetensors")
    (trained,) = train_stack(task, 4, recipe, (0,))
    trained.net.save_pretrained(folder)


def command_line(case: Path, draw: Draw) -> Asked:
    """Options with odd values; nothing may be written but in the case's folder."""
    run, out = str(case / "study" / "seed-0"), str(case / "out")
    lines = (
        ["construct", "--out", out, "-N", "8", "-d", "6", "-k", "2", "--weight", "2"],
        ["train", "--out", out, "-N", "6", "-d", "4", "-k", "2", "--steps", "2", "--quiet"],
        ["plan", "-N", "50", "-k", "2", "-d", "12", "--json"],
        ["query", run, "0", "1"],
        ["certify", run, "-k", "2", "--quiet"],
        ["results", run, "--limit", "3"],
        ["import", str(case / "study" / "seed-0" / "model.safetensors"), "--out", out],
    )
    line = list(draw.choice(lines))
    odd = ("-1", "0", "nan", "inf", "1e9", "9" * 400, "x", "", "1..0", "2..3", str(case), "\udcff")
    for _ in range(draw.randint(0, 2)):
        match draw.randrange(3):
            case 0:
                line[draw.randrange(1, len(line))] = draw.choice(odd)
            case 1:
                option = ("--seed", "--set-size", "--tokens", "--sharpness", "--seconds", "--sets")
                line += [draw.choice(option), draw.choice(odd)]
            case _:
                del line[draw.randrange(1, len(line))]
    return Asked(line)


FORMATS: dict[str, Make] = {
    "sets file": sets_file,
    "tokens": tokens_file,
    "config.json": config,
    "model.safetensors": weights,
    "code.npz": code,
    "history.jsonl": history,
    "evidence": evidence,
    "study.json": study_record,
    "results.sqlite": results,
    "sweep spec": spec,
    "checkpoint": checkpoint,
    "command line": command_line,
}
PAGES = ("history.jsonl", "evidence", "study.json")  # these take tenths of a second each


def _change(path: Path, how: Callable[[str, Draw], bytes], draw: Draw) -> None:
    path.write_bytes(how(path.read_text(), draw))


def _changed_lines(text: str, draw: Draw) -> bytes:
    lines: list[Any] = text.encode().splitlines()
    at = draw.randrange(len(lines))
    lines[at] = changed_json(lines[at].decode(), draw)
    return b"\n".join(lines)


def _page(case: Path, draw: Draw) -> Asked:
    run = case / "study" / "seed-0"
    if draw.random() < 0.3:
        other = str(case / "study" / "constructed")
        return Asked(["compare", str(run), other, "-k", "2", "--json", "--quiet"])
    return Asked(["report", str(run), "--json"])


def _queried(case: Path, draw: Draw) -> Asked:
    run, pair = case / "study" / "seed-0", draw.sample(range(6), 2)

    def judge(out: str) -> str | None:
        found = load((run / "model.safetensors").read_bytes())
        with np.errstate(all="ignore"):
            exact = {name: value.astype(np.float64) for name, value in found.items()}
            post = np.maximum(exact["W_in"][pair].sum(0) + exact["b_in"], 0)
            logits = post @ exact["W_out"] + exact["b_out"]
        said = [each["logit"] for each in json.loads(out)["top"]]
        near = np.allclose(sorted(said), sorted(logits), rtol=1e-9, atol=1e-9)
        return None if near else f"logits {said} are said and {logits.tolist()} come out"

    return Asked(["query", str(run), *map(str, pair), "--json"], judge)
