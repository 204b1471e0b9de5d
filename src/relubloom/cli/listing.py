"""`relubloom results`: list, filter, plot and export the runs of sweeps."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Annotated, Any

import typer

from relubloom.cli import options

COLUMNS = (
    "run",
    "vocab_size",
    "width",
    "set_size",
    "objective",
    "seed",
    "mse",
    "verdict",
    "status",
)
LISTED = ",".join(COLUMNS)
SHOWN = 40  # runs, unless --limit says otherwise

Results = Annotated[
    Path,
    typer.Argument(metavar="DIR", help="The --out folder of a sweep, or its results file."),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="KEY=VALUE",
        help="Only runs with this setting or figure (also !=, <, <=, >, >=); repeatable.",
    ),
]
Columns = Annotated[
    str, typer.Option("--columns", metavar="KEY,KEY", help="What to list of each run.")
]
Sort = Annotated[str | None, typer.Option("--sort", metavar="KEY", help="In the order of this.")]
Limit = Annotated[int, typer.Option("--limit", min=0, help="Runs to list; 0 lists all.")]
Plot = Annotated[
    Path | None,
    typer.Option("--plot", metavar="FILE.svg", help="Draw the runs, a dot each."),
]
Across = Annotated[str, typer.Option("--x", metavar="KEY", help="Drawn to the right.")]
Upwards = Annotated[str, typer.Option("--y", metavar="KEY", help="Drawn upwards.")]
By = Annotated[
    str | None, typer.Option("--by", metavar="KEY", help="What colours and shapes tell apart.")
]
Export = Annotated[
    list[Path] | None,
    typer.Option("--export", metavar="FILE", help="Write the runs to FILE.csv or FILE.parquet."),
]


def results(
    path: Results,
    where: Where = None,
    columns: Columns = LISTED,
    sort: Sort = None,
    limit: Limit = SHOWN,
    plot: Plot = None,
    x: Across = "width",
    y: Upwards = "mse",
    by: By = None,
    export: Export = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """List the runs of a sweep: filtered, sorted, drawn, exported."""
    from relubloom.sweep.export import check_export, export_records
    from relubloom.sweep.results import load_results

    exports = export or []
    for file in exports:
        check_export(file)
    _check_plot(plot)
    everything = load_results(path)
    names = [name.strip() for name in columns.split(",") if name.strip()]
    records = _chosen(everything, where or [], sort, [*names, by] if by else names)
    if plot is not None:
        _draw(records, everything, plot, x, y, by)
    for file in exports:
        export_records(records, file)
    if json:
        typer.echo(json_text.dumps(records))
        return
    _show(records[: limit or None], names)
    typer.echo(f"{len(records):,} of {len(everything):,} runs" + _cut(len(records), limit))
    for file in [plot, *exports] if plot else exports:
        typer.echo(f"written: {file}")


def _check_plot(plot: Path | None) -> None:
    from relubloom.errors import UsageError

    if plot is not None and plot.suffix != ".svg":
        raise UsageError(f"--plot is {plot}: the figure is an SVG; end its name in .svg")


def _chosen(
    everything: list[dict[str, Any]], where: list[str], sort: str | None, shown: list[str]
) -> list[dict[str, Any]]:
    """The records that meet the conditions, in order."""
    from relubloom.sweep.selection import check_keys, in_order, select

    check_keys(everything, [key for key in shown if key not in COLUMNS], "--columns or --by")
    check_keys(everything, [sort] if sort else [], "--sort")
    records = select(everything, where)
    return in_order(records, sort) if sort else records


def _cut(count: int, limit: int) -> str:
    return f", {limit:,} shown; --limit 0 shows all" if limit and count > limit else ""


def _draw(
    records: list[dict[str, Any]],
    everything: list[dict[str, Any]],
    plot: Path,
    x: str,
    y: str,
    by: str | None,
) -> None:
    from relubloom import atomic
    from relubloom.report.charts.drawing import standalone
    from relubloom.report.charts.series import draw_records
    from relubloom.sweep.selection import check_keys

    check_keys(everything, (x, y), "--x or --y")
    atomic.write_text(plot, standalone(draw_records(records, x, y, by).svg))


def _show(records: list[dict[str, Any]], names: list[str]) -> None:
    rows = [[_cell(record.get(name)) for name in names] for record in records]
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    for row in [names, *rows]:
        typer.echo("  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
