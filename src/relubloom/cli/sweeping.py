"""`relubloom sweep`: grids of studies times seeds, into one table of results."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from relubloom.cli import options

if TYPE_CHECKING:
    from relubloom.sweep.sweep import SweepPlan
    from relubloom.sweep.workers import Workers


def _show_example(context: Any, wanted: bool) -> bool:
    if wanted:
        options.refuse_beside("--example", "a spec is TOML", {"--json": "--json" in context.obj})
        typer.echo(files("relubloom.sweep").joinpath("example.toml").read_text(), nl=False)
        raise typer.Exit
    return wanted


def sweep(
    spec: Annotated[Path, typer.Argument(metavar="SPEC.toml", help="What to run.")],
    out: Annotated[Path, options.output_option("--out", "-o", help="Folder of the results.")],
    workers: Annotated[
        int | None,
        options.machine_option(
            help="Processes on this machine, one thread each; one a core by default."
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        options.machine_option(
            metavar="ADDRESS",
            help="A Dask scheduler whose workers do it, such as tcp://host:8786.",
        ),
    ] = None,
    device: options.Device = "cpu",
    resume: options.Resume = False,
    dry_run: Annotated[
        bool,
        options.output_option(
            "--dry-run", help="Say what there is to do and what it should cost, and do nothing."
        ),
    ] = False,
    keep_networks: Annotated[
        bool,
        options.output_option(
            "--keep-networks", help="Keep each network as a run folder, OUT/networks/RUN."
        ),
    ] = False,
    track: Annotated[
        str | None,
        options.output_option(
            metavar="NAME",
            help="Log each run to a tracker too: trackio, wandb, or one of your own.",
        ),
    ] = None,
    export: options.Export = None,
    _example: Annotated[
        bool,
        options.output_option(
            "--example",
            callback=_show_example,
            is_eager=True,
            help="Print an example spec and exit.",
        ),
    ] = False,
    *,
    how: options.Watched,
) -> None:
    """Train and measure every network of a grid, each once; a killed sweep goes on with --resume.

    A spec is TOML: grid tables whose lists are axes, and seeds = n; see --example.
    --resume adds to the results in --out, whichever sweep made them: finished runs are kept.
    --export writes all of them in the end.
    With --device cuda one process trains the seeds of a point at once, unless --workers says more.
    """
    from relubloom.cli.progress import SweepDisplay
    from relubloom.sweep.cost import machine_speed
    from relubloom.sweep.results import load_results
    from relubloom.sweep.selection import check_export, export_records
    from relubloom.sweep.spec import read_spec
    from relubloom.sweep.sweep import prepare, run_sweep
    from relubloom.sweep.tracking import find_tracker
    from relubloom.training.devices import check_device

    for path in export or []:
        check_export(path)
    elsewhere = device != "cpu"
    if dry_run:
        unused = {"--export": export, "--keep-networks": keep_networks, "--track": track}
        options.refuse_beside("--dry-run", "it makes no runs", unused | {"--device": elsewhere})
    if cluster is not None:
        why = "its workers are machines of their own"
        options.refuse_beside("--cluster", why, {"--device": elsewhere})
    check_device(device)
    crew = _crew(1 if elsewhere and workers is None else workers, cluster)
    plan = prepare(read_spec(spec), out, resume=resume, device=device)
    if dry_run:
        said = _forecast(plan, crew.slots(), machine_speed())
        how.answer(said, lambda: _forecast_text(said))
        return
    tracker = None if track is None else find_tracker(track)
    with SweepDisplay(plan, crew.slots(), how.quiet) as display:
        result = run_sweep(
            plan,
            out,
            crew,
            keep_networks=keep_networks,
            tracker=tracker,
            on_progress=display.update,
        )
    for path in export or []:
        export_records(load_results(out), path)
    how.answer(result, lambda: _summary_text(result))


def _crew(workers: int | None, cluster: str | None) -> Workers:
    from relubloom.errors import UsageError
    from relubloom.sweep.workers import cluster_workers, local_workers
    from relubloom.threads import cores

    if cluster is None:
        return local_workers(cores(workers))
    if workers is not None:
        raise UsageError(
            f"--workers is {workers} and --cluster is {cluster!r}: the work is done here or there; "
            "give one"
        )
    return cluster_workers(cluster)


def _forecast(plan: SweepPlan, slots: int, speed: float) -> dict[str, Any]:
    cost = plan.cost
    seconds = cost.seconds / speed
    return {
        "name": plan.spec.name,
        "runs": len(plan.spec.runs),
        "left": plan.runs_left,
        "impossible": len(plan.spec.impossible),
        "groups": len(plan.groups),
        "gflop": round(cost.flops / 1e9, 1),
        "core_seconds": round(seconds, 1),
        "workers": slots,
        "seconds": round(seconds / max(1, min(slots, len(plan.groups))), 1),
        "reasons": [
            {"point": each.settings, "reason": each.reason} for each in plan.spec.impossible
        ],
    }


def _forecast_text(said: dict[str, Any]) -> str:
    lines = [
        f"{said['name']}: {said['runs']:,} runs, {said['left']:,} to make in {said['groups']:,} "
        f"groups, {said['runs'] - said['left']:,} there already",
        f"{said['gflop']:,.0f} GFLOP in matrix products; about {spoken(said['core_seconds'])} of "
        f"one core, {spoken(said['seconds'])} with {said['workers']} workers",
    ]
    lines += [f"impossible: {each['reason']}" for each in said["reasons"]]
    return "\n".join(lines)


def _summary_text(result: dict[str, Any]) -> str:
    lines = [
        f"{result['done']:,} of {result['runs']:,} runs done, {result['made_now']:,} of them now, "
        f"in {spoken(result['seconds'])}"
    ]
    lines += [
        f"  {each['run']} {each['status']}: {each['reason']}" for each in result["without_figures"]
    ]
    lines.append(f"results: {result['results']}")
    return "\n".join(lines)


def spoken(seconds: float) -> str:
    """A duration in the units that one would say it in."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
