"""`relubloom import`: a network that someone else trained becomes a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from relubloom.cli import options
from relubloom.errors import FileError, UsageError


def import_(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A PyTorch state dict (.pt, .pth, .bin, .ckpt), .safetensors, .npz, .onnx, or a "
            "folder with config.json and weights.",
        ),
    ],
    out: options.RunOut,
    foreign: options.Foreign,
    set_size: Annotated[
        str | None,
        options.task_option(
            "--set-size",
            "-k",
            metavar="k|a..b",
            help="Tokens per set, for later commands; needed by mean, l2 and linear networks.",
        ),
    ] = None,
    tokens: options.TokensPath = None,
    force: options.Force = False,
    *,
    how: options.Answering,
) -> None:
    """Bring in a network of your own: two linear layers with a ReLU between, from any file."""
    from relubloom.study.imported import import_run

    given = foreign.given(options.sizes_of(set_size))
    found = import_run(file, out, given, check=foreign.check, tokens=tokens, force=force)
    sizes = " --set-size k" if found["set_size"] is None else ""
    how.answer(found, lambda: f"{understood(found)}\nnext: relubloom examine {out}{sizes}")


def brought_in(
    path: Path,
    foreign: options.Foreign,
    asked: options.SetsAsked,
    out: Path | None,
    *,
    force: bool,
    say: bool,
) -> tuple[Path, bool]:
    """The run folder to examine, and whether it was made here: a file, or a folder of another
    kind, is brought in first, by default into FILE-run beside it.

    Raises:
        UsageError: an option of an import stands beside a run folder, or nothing says the set size.
        FileError: as `import_run`.
    """
    from relubloom.study.imported import import_run, is_run_folder

    if is_run_folder(path):
        said = [*foreign.said, *(["--out"] if out else []), *(["--force"] if force else [])]
        if said:
            raise UsageError(f"{path} is a run folder and {said[0]} is for a file; leave it out")
        return path, False
    if not path.exists():
        raise FileError(f"{path} is not there; give a run folder or a file with a network")
    given = foreign.given(options.sizes_of(asked.set_size))
    if given.set_size is None and asked.sets is None:
        raise UsageError(f"{path} does not say its set_size; pass --set-size k or a..b")
    named = path.resolve() if path.name in ("", "..") else path
    folder = out or named.with_name(f"{named.stem if path.is_file() else named.name}-run")
    found = import_run(path, folder, given, check=foreign.check, force=force, again=True)
    if say:
        typer.echo(understood(found))
    return folder, True


def understood(found: dict[str, Any]) -> str:
    """What was understood of a file, in lines."""
    from relubloom.network.imports.source import LAYOUTS

    layouts: dict[str, str] = {**LAYOUTS}
    says = layouts.get(found["layout"], "as the file says for each matrix")
    zeros = "none in the file: zeros"
    tensors = [
        (role, found["names"].get(role, zeros)) for role in ("W_in", "b_in", "W_out", "b_out")
    ]
    raised = [name for name in found["source_precisions"] if name != found["precision"]]
    rows = [
        ("file", f"{found['file']} ({found['format']}, SHA-256 {found['sha256'][:12]}...)"),
        ("network", f"{found['vocab_size']:,} tokens, {found['width']:,} units"),
        *tensors,
        ("layout", f"{found['layout']}: {says}"),
        ("activation", _activation(found)),
        ("inputs", _inputs(found)),
        (
            "precision",
            found["precision"] + (f", raised from {', '.join(raised)}" if raised else ""),
        ),
        *([("left out", ", ".join(found["ignored"]))] if found["ignored"] else []),
        ("verified", _verified(found)),
        ("written", found["dir"]),
    ]
    return "\n".join(f"{name:<12} {value}" for name, value in rows)


def _activation(found: dict[str, Any]) -> str:
    if found["activation"] == "relu":
        return "relu"
    return (
        f"none: b_in was raised so that the ReLU clips nothing on sets of up to "
        f"{found['holds_for'][1]} tokens"
    )


def _inputs(found: dict[str, Any]) -> str:
    if found["input_scale"] == 1:
        return "0 and 1"
    scaled = f"multiplied by {found['input_scale']:.6g}, which W_in has taken up"
    if found["normalised"] is None:
        return scaled
    return (
        f"{scaled} ({found['normalised']}); this holds for sets of {found['holds_for'][0]} tokens"
    )


def _verified(found: dict[str, Any]) -> str:
    check = found["check"]
    if check is None:
        return "NO: nothing was compared with the original; give --check FILE"
    return (
        f"yes: {check['outputs']} of {check['sets']:,} sets ({check['by']}) differ by at most "
        f"{check['worst']:.2g}, everywhere within what rounding explains"
    )
