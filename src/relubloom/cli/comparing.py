"""`relubloom compare`: two run folders side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from relubloom.cli import options
from relubloom.progress import ProgressDisplay

if TYPE_CHECKING:
    from rich.table import Table

    from relubloom.study.compare import Figure

ABSENT = "-"
NAMED = {
    "interventions": {
        "f1": "F1",
        "control_f1": "F1 of its control",
        "explained_f1": "F1 of its explanation",
    },
    "ladder": {"log_gap_closed": "log gap closed", "loss_failures_f1": "F1 by loss"},
}


def compare(
    first: Annotated[Path, typer.Argument(metavar="DIR", help="A run folder, a.")],
    second: Annotated[Path, typer.Argument(metavar="DIR", help="Another, b.")],
    asked: options.SetsAsked,
    *,
    how: options.Working,
) -> None:
    """Put two run folders side by side: their figures, and whether the networks fail together.

    Figures come from the folders' files (`relubloom examine` writes them); a dash stands for what
    a folder does not hold. Where both networks have the same number of tokens, both run on the
    same sets, and the units of their hashes are matched.
    """
    from relubloom.study.compare import compare_runs
    from relubloom.study.folders import refuse_study

    for folder in (first, second):
        refuse_study(folder)
    with ProgressDisplay(how.quiet) as watch:
        result = compare_runs(first, second, **asked.arguments(), threads=how.cores, watch=watch)
    how.answer(result, lambda: _text(result))


def _text(result: dict[str, Any]) -> str:
    from rich.console import Console

    console = Console(color_system=None, highlight=False, markup=False, emoji=False)
    unexamined = [name for name in ("a", "b") if result[name]["verdict"] is None]
    with console.capture() as text:
        for name in ("a", "b"):
            console.print(f"{name}: {result[name]['dir']}, {_made(result[name])}", soft_wrap=True)
        if len(unexamined) < 2:
            console.print(_figures_table(result))
            console.print()
        for name in unexamined:
            remedy = f"`relubloom examine {result[name]['dir']}` finds its figures"
            console.print(f"{name} was not examined; {remedy}", soft_wrap=True)
        for line in _agreement_lines(result):
            console.print(line, soft_wrap=True)
    return text.get().rstrip("\n")


def _made(found: dict[str, Any]) -> str:
    sizes = found["network"]
    size = f"{sizes['vocab_size']:,} tokens in {sizes['width']:,} units"
    if built := found["construction"]:
        return f"{size}, constructed from a {built.get('family', 'given')} code"
    if recipe := found["recipe"]:
        relu = " without ReLU" if recipe.get("activation") == "none" else ""
        return f"{size}, trained{relu} with {recipe.get('objective')}, seed {found['seed']}"
    if imported := found["imported"]:
        checked = "verified" if imported["verified"] else "NOT verified"
        return f"{size}, brought in from {imported['file'] or 'a module'} ({checked})"
    return f"{size}, of unknown origin"


def _figures_table(result: dict[str, Any]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from relubloom.study.compare import value_at

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("", overflow="fold")
    for heading in ("a", "b", "b - a"):
        table.add_column(heading, justify="right", overflow="fold")
    last = None
    for line in _lines(result):
        values = [value_at(result[name], line.place) for name in ("a", "b")]
        if not line.in_row and values == [None, None]:
            continue
        if last not in (None, group := "" if line.in_row else line.file):
            table.add_section()
        last = group
        change = value_at(result["differences"], line.place)
        cells = [_cell(value, line.form) for value in values]
        cells.append("" if change is None else format(change, f"+{line.form}"))
        table.add_row(line.title, *cells)
    return table


def _lines(result: dict[str, Any]) -> list[Figure]:
    """Every figure that may be shown; those of interventions and ladder by the names found."""
    from relubloom.study.compare import FIGURES, Figure

    lines = list(FIGURES)
    for group, columns in NAMED.items():
        names: list[str] = [*(result["a"][group] or {}), *(result["b"][group] or {})]
        lines += [
            Figure(group, (name, key), f"{name}, {words}", ".3f")
            for name in dict.fromkeys(names)
            for key, words in columns.items()
        ]
    return lines


def _cell(value: Any, form: str) -> str:
    if value is None:
        return ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    return format(value, form)


def _agreement_lines(result: dict[str, Any]) -> list[str]:
    found = result["agreement"]
    if found is None:
        sizes = [result[name]["network"]["vocab_size"] for name in ("a", "b")]
        return [
            f"The networks have {sizes[0]:,} and {sizes[1]:,} tokens: no set can be given to both."
        ]
    code, correlation = found["code"], _cell(found["loss_correlation"], ".3f")
    return [
        f"On {_sets(found)}:",
        f"  mse a {found['a']['mse']:.6f}, b {found['b']['mse']:.6f}; correlation over sets "
        f"{correlation}",
        _failures("loss", found["loss_failures"]),
        _failures("ranking", found["ranking_failures"]),
        f"Hashes: {code['differing']:,} of {code['entries']:,} entries differ after matching units"
        f" ({code['shuffled_differing']:,} with the hashes of b dealt to other tokens)"
        + ("; they are equal up to the order of units" if code["equal_up_to_units"] else ""),
        *([] if found["same_tokens"] else ["Tokens were compared by id; their labels differ."]),
    ]


def _sets(found: dict[str, Any]) -> str:
    task, size = found["task"], found["task"]["set_size"]
    sizes = f"{size[0]}..{size[1]}" if isinstance(size, list) else str(size)
    if found["method"] == "listed":
        return f"all {task['lines']:,} lines of {sizes} tokens in {task['sets']}"
    count = (
        f"all {found['sets']:,}"
        if found["method"] == "all"
        else (f"{found['sets']:,} {found['method']}")
    )
    whose = {1: f" (the task of {''.join(found['task_of'])} alone)", 0: " (the task of neither)"}
    return f"{count} sets of {sizes} tokens{whose.get(len(found['task_of']), '')}"


def _failures(kind: str, shared: dict[str, Any]) -> str:
    same = (
        "none fails"
        if shared["f1"] is None
        else f"both {shared['both']:.3%}, F1 {shared['f1']:.3f} "
        f"(by chance {shared['f1_by_chance']:.3f})"
    )
    return f"  {kind} failures a {shared['a']:.3%}, b {shared['b']:.3%}; {same}"
