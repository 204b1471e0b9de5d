"""`relubloom zoo`: networks whose mechanism is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from relubloom.cli import options
from relubloom.errors import UsageError, check_choice

FORMATS = ("folder", "saelens")
CONTROL_DRAWS = 8


def list_(*, how: options.Answering) -> None:
    """List the networks: name, sizes, what they are."""
    from relubloom.zoo.catalogue import ENTRIES, SET_SIZE, WHAT

    rows = [
        {
            "name": entry.name,
            "kind": entry.kind,
            "version": entry.version,
            "vocab_size": entry.vocab_size,
            "width": entry.width,
            "set_size": SET_SIZE,
            "source": entry.source,
            "tokens_per_unit": entry.tokens_per_unit,
            "what": WHAT[entry.kind],
        }
        for entry in ENTRIES
    ]
    table = [(str(row["name"]), f"{row['tokens_per_unit']:.1f}") for row in rows]
    lines = options.aligned([("name", "tokens a unit"), *table])
    kinds = {row["kind"]: row["what"] for row in rows}
    lines += ["", *(f"{kind}: {what}" for kind, what in kinds.items())]
    how.answer({"networks": rows}, lambda: "\n".join(lines))


def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `relubloom zoo list` names it.")],
    out: Annotated[Path, options.output_option("--out", "-o", help="Folder to write.")],
    seed: Annotated[int, typer.Option(help="Which network of that name.")] = 0,
    form: Annotated[
        str,
        options.output_option(
            "--format",
            help="folder: a run folder with its code, units, certificate and card. saelens: its "
            "pre-activations as a synthetic model of SAELens.",
        ),
    ] = "folder",
    force: options.Force = False,
    *,
    how: options.Answering,
) -> None:
    """Write a network with all that is known of it; it is made on first use, then cached."""
    check_choice("--format", form, *FORMATS)
    from relubloom.study.folders import alone_in, prepare_run
    from relubloom.zoo import load
    from relubloom.zoo.saelens import write_synthetic_model

    known = load(name, seed=seed)
    with alone_in(out):
        prepare_run(out, force=force)
        files = known.save(out) if form == "folder" else write_synthetic_model(known, out)
    answer = {"dir": str(out), "name": known.name, "version": known.version, "seed": known.seed}
    answer |= {"format": form, "files": sorted(files)}
    then = f"\nnext: read {out / 'README.md'}" if form == "folder" else ""
    how.answer(answer, lambda: f"{out}: {known.name}, seed {known.seed}{then}")


def score(
    network: Annotated[
        str,
        typer.Argument(
            metavar="NAME|DIR", help="As `relubloom zoo list` names it; or a run folder."
        ),
    ],
    found: Annotated[
        Path,
        typer.Argument(
            metavar="FOUND",
            help="Directions (atoms, width) as .npy; as .npz or .safetensors also with codes and "
            "the sets that they are of, named atoms, codes and sets.",
        ),
    ],
    seed: Annotated[
        int | None, typer.Option(help="Which network of that name, 0 if left out.")
    ] = None,
    controls: Annotated[
        bool, typer.Option("--controls", help="Also score the truth, and what chance finds.")
    ] = False,
    *,
    how: options.Answering,
) -> None:
    """Say how much of a known network a method found, up to permutation, sign and scale."""
    from relubloom.evidence.recovery import controls_of, score_against
    from relubloom.zoo.scoring import named_truth, read_found

    if seed is not None and Path(network).is_dir():
        raise UsageError(
            f"--seed is {seed} and {network} is a run folder: a name has seeds; leave it out"
        )
    seed = 0 if seed is None else seed
    given = read_found(found)
    truth = named_truth(network, seed, given.get("sets"))
    figures = score_against(truth, given["atoms"], given.get("codes")).figures
    intervals = {
        name: {figure: control.interval(figure) for figure in figures}
        for name, control in (controls_of(truth, draws=CONTROL_DRAWS) if controls else {}).items()
    }
    answer: dict[str, Any] = {"network": network, "seed": seed, "found": str(found)} | figures
    rows = [("figure", "found", *intervals)]
    for figure, value in figures.items():
        between = (one[figure] for one in intervals.values())
        rows.append((figure, _shown(value), *(_shown(each) for each in between)))
    if controls:
        answer["controls"] = intervals
    how.answer(answer, lambda: "\n".join(options.aligned(rows)))


def _shown(value: float | tuple[float, float] | None) -> str:
    if isinstance(value, tuple):
        low, high = (f"{each:.3f}" for each in value)
        return low if low == high else f"{low}..{high}"
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.3f}"
