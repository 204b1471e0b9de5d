"""`relubloom results`: list, filter, plot and export the runs of sweeps."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from relubloom import atomic
from relubloom.cli import options
from relubloom.errors import UsageError
from relubloom.records.sweep_row import told

if TYPE_CHECKING:
    from relubloom.report.charts.drawing import Drawing

ALWAYS = ("mse", "verdict", "status")
VARYING = ("vocab_size", "width", "set_size", "objective", "seed")  # shown where they vary
LISTED = ("run", *VARYING, *ALWAYS)
PLOTS = (".svg", ".png", ".pdf")
SHOWN = 40  # runs, unless --limit says otherwise


def results(
    path: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="The --out folder of a sweep, or its results file."),
    ],
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="Only runs with this setting or figure (also !=, <, <=, >, >=); repeatable.",
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(metavar="KEY,KEY", help="What to list of each run; of JSON all keys."),
    ] = None,
    sort: Annotated[str | None, typer.Option(metavar="KEY", help="In the order of this.")] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=0, help="Runs to list, 40 as a text; 0 lists all."),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw the runs, a dot each, as FILE.svg, FILE.png or FILE.pdf, and list none "
            "unless --columns or --limit asks for it.",
        ),
    ] = None,
    x: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Drawn to the right; width if left out."),
    ] = None,
    y: Annotated[
        str | None, typer.Option(metavar="KEY", help="Drawn upwards; mse if left out.")
    ] = None,
    by: Annotated[
        str | None, typer.Option(metavar="KEY", help="What colours and shapes tell apart.")
    ] = None,
    export: options.Export = None,
    *,
    how: options.Answering,
) -> None:
    """List the runs of a sweep: filtered, sorted, drawn, exported."""
    from relubloom.sweep.results import load_results
    from relubloom.sweep.selection import (
        check_export,
        check_keys,
        export_records,
        in_order,
        select,
    )

    exports = export or []
    for file in exports:
        check_export(file)
    for name, key in (("--x", x), ("--y", y), ("--by", by)):
        if key is not None and plot is None:
            raise UsageError(
                f"{name} is {key} without --plot: it says what to draw; give --plot FILE.svg"
            )
    if plot is not None and plot.suffix not in PLOTS:
        raise UsageError(
            f"--plot is {plot}: the end of its name says its kind; give one of {', '.join(PLOTS)}"
        )
    everything = load_results(path)
    names = [name.strip() for name in (columns or "").split(",") if name.strip()]
    asked = [key for key in [*names, by] if key and key not in LISTED]
    check_keys(everything, asked, "--columns or --by")
    check_keys(everything, [sort] if sort else [], "--sort")
    records = select(everything, where or [])
    records = in_order(records, sort) if sort else records
    if plot is not None:
        from relubloom.report.charts.series import draw_records

        right, up = x or "width", y or "mse"
        check_keys(everything, (right, up), "--x or --y")
        _draw(draw_records(records, right, up, by), plot)
    for file in exports:
        export_records(records, file)
    written = [plot, *exports] if plot else exports
    most = SHOWN if limit is None else limit
    listed = records[: limit or None]
    if columns is not None:
        listed = [{name: record.get(name) for name in names} for record in listed]
    table = plot is None or columns is not None or limit is not None
    lines = _lines(records, names, most) if table else []
    lines.append(f"{len(records):,} of {len(everything):,} runs")
    if table and most and most < len(records):
        lines[-1] += f", {most:,} shown; --limit 0 shows all"
    how.answer(
        {"runs": listed}, lambda: "\n".join([*lines, *(f"written: {file}" for file in written)])
    )


def _draw(drawing: Drawing, path: Path) -> None:
    from relubloom.report.charts.drawing import on_paper, standalone

    if path.suffix == ".svg":
        atomic.write_text(path, standalone(drawing.svg))
        return
    buffer = io.BytesIO()
    on_paper(drawing.figure).savefig(buffer, format=path.suffix[1:], dpi=200)
    atomic.write_bytes(path, buffer.getvalue())


def _lines(records: list[dict[str, Any]], names: list[str], limit: int) -> list[str]:
    """The table, and what is the same for all of its runs."""
    same: dict[str, str] = {}
    if not names:
        found = {name: {_cell(record.get(name)) for record in records} for name in LISTED}
        same = {name: found[name].pop() for name in VARYING if len(found[name]) == 1}
        known = found["status"] == {"done"}
        names = [name for name in LISTED if name not in same and not (known and name == "status")]
    rows = [[_cell(record.get(name)) for name in names] for record in records[: limit or None]]
    said = ", ".join(f"{name} {value}" for name, value in same.items())
    return [*options.aligned([names, *rows]), *([f"all of {said}"] if said and rows else [])]


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else told(value)
