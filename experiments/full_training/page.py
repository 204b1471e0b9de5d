"""The page of the networks that are trained to the end."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import relubloom as rb
from cells import spread_line, with_worst
from full_training.ties import NAMES
from relubloom.code import disjunct_code
from relubloom.errors import UsageError
from relubloom.theory import best_graded_weights

Row = dict[str, Any]
Figure = Callable[[Row], float | None]


def graded(key: str) -> Figure:
    """A figure of the strengths."""
    return lambda row: row["graded"] and row["graded"][key]


def extracted(key: str) -> Figure:
    """A figure of the graded hash run as a filter."""
    return lambda row: row["graded"] and row["graded"]["extracted"][key]


def of_bits(strength: int, key: str) -> Figure:
    """Mean of what the bits of a strength do."""

    def figure(row: Row) -> float | None:
        if not row["graded"]:
            return None
        bits = row["graded"]["bits"][strength - 1]
        return bits[key] if key == "per_token" else bits[key] and bits[key]["mean"]

    return figure


COLUMNS: dict[str, tuple[Figure, str]] = {
    "mse": (lambda row: row["mse"], ".5f"),
    "fails by loss": (lambda row: row["fails"], ".2%"),
    "bare hash: F1": (lambda row: row["bare"]["loss_failure_f1"], ".3f"),
    "graded hash: F1": (extracted("loss_failure_f1"), ".3f"),
    "called: precision": (graded("called_precision"), ".3f"),
    "called: recall": (graded("called_recall"), ".3f"),
    "ranking F1": (graded("ranking_failure_f1"), ".3f"),
    "states": (graded("state_agreement"), ".4f"),
    "half": (graded("half_share"), ".1%"),
    "bits": (lambda row: row["bits"], ".2f"),
    "code's mse": (extracted("mse"), ".5f"),
}
HIGH_IS_BAD = {"mse", "fails by loss", "code's mse"}
UNJUDGED = {"half", "bits"}
GOALS: tuple[tuple[str, str, float], ...] = (
    ("mse, at most", "mse", 0.0014),
    ("loss F1 of the graded hash, at least", "graded hash: F1", 0.97),
    ("precision of called tokens, at least", "called: precision", 0.95),
    ("recall of called tokens, at least", "called: recall", 0.95),
    ("ranking F1, at least", "ranking F1", 0.9),
)
DETAILS: tuple[tuple[str, Figure, str], ...] = (
    ("half bits a token", of_bits(1, "per_token"), ".2f"),
    ("full bits a token", of_bits(2, "per_token"), ".2f"),
    ("share of the level that a half bit takes away", of_bits(1, "taken"), ".3f"),
    ("share that a full bit takes away", of_bits(2, "taken"), ".3f"),
    ("entry of W_in, half bits", of_bits(1, "W_in"), ".2f"),
    ("entry of W_in, full bits", of_bits(2, "W_in"), ".2f"),
    ("entry of W_out, half bits", of_bits(1, "W_out"), ".2f"),
    ("entry of W_out, full bits", of_bits(2, "W_out"), ".2f"),
    ("logits that an untouched unit costs a half bit", of_bits(1, "cost"), ".2f"),
    ("logits that it costs a full bit", of_bits(2, "cost"), ".1f"),
    ("pairs of a set and a unit that leak", graded("leaking"), ".2%"),
    ("of these, the unit is above 0", graded("leaking_on"), ".2%"),
    ("level of a leak, share of the untouched level", graded("leak_level"), ".3f"),
    ("bits on which both matrices agree", graded("matrices_agree"), ".4f"),
    ("nearest share to 1, where full bits begin", graded("full_margin"), ".3f"),
    ("units that agree with the bare union", lambda row: row["agreement"], ".4f"),
    ("sets with a false positive", lambda row: row["false_positives"], ".3%"),
    ("sets with a miss", lambda row: row["misses"], ".5%"),
    ("sets that are ranked wrongly", lambda row: row["ranks_wrongly"], ".3%"),
    ("uneven units", lambda row: row["uneven"], "g"),
)


def write_page(
    out: Path,
    sizes: tuple[int, int, int],
    found: dict[str, list[Row]],
    histories: dict[str, list[Row]],
) -> None:
    """Write the tables; `found` has the networks of the preset as "main", the others at k = 4."""
    rows = found["main"]
    explained = [row for row in rows if "sizes" in row]
    lines = [
        INTRODUCTION.format(seeds=len(rows), sets=rows[0]["sets"], sizes=sizes),
        *seed_lines(rows),
        "",
        *goal_lines(rows),
        "",
        *code_lines(sizes, rows),
        "",
        STRENGTHS,
        "| figure | median | least | greatest |",
        "|---|---|---|---|",
        *(spread_line(name, [of(row) for row in rows], form) for name, of, form in DETAILS),
        "",
    ]
    if explained:
        lines += [*size_lines(explained), "", *tie_lines(explained), ""]
    lines += [
        *four_lines({name: each for name, each in found.items() if name != "main"}),
        "",
        *history_lines(histories),
    ]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n".join([*lines, ""]), encoding="utf-8")


def seed_lines(rows: list[Row]) -> list[str]:
    """A row a seed, their medians, and the worst of each column."""
    lines = [
        f"Verdicts: {verdicts(rows)}.",
        "",
        f"| seed | {' | '.join(COLUMNS)} | verdict |",
        "|" + "---|" * (len(COLUMNS) + 2),
    ]
    for row in rows:
        cells = [shown(of(row), form) for of, form in COLUMNS.values()]
        lines.append(f"| {row['seed']} | {' | '.join(cells)} | {row['verdict']} |")
    lines.append(figures_line("median", rows, middle, ""))
    return [*lines, figures_line("worst", rows, worst_of, "")]


def verdicts(rows: list[Row]) -> str:
    """How many networks got which."""
    counts = Counter(row["verdict"] for row in rows)
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())


def figures_line(
    title: str, rows: list[Row], taken: Callable[[list[Row], str], float | None], last: str
) -> str:
    """A line of the table of all columns."""
    cells = [shown(taken(rows, name), form) for name, (_, form) in COLUMNS.items()]
    return f"| {title} | {' | '.join(cells)} | {last} |"


def goal_lines(rows: list[Row]) -> list[str]:
    """What was hoped for before the first run, beside what came out."""
    lines = [
        "## Goals and results",
        "",
        "| goal | | median | worst | seeds that reach it |",
        "|---|---|---|---|---|",
    ]
    for title, name, goal in GOALS:
        values = [value for value in map(COLUMNS[name][0], rows) if value is not None]
        good = sum(value <= goal if name in HIGH_IS_BAD else value >= goal for value in values)
        form = COLUMNS[name][1]
        cells = shown(middle(rows, name), form), shown(worst_of(rows, name), form)
        lines.append(f"| {title} | {goal:g} | {cells[0]} | {cells[1]} | {good} of {len(rows)} |")
    return lines


def code_lines(sizes: tuple[int, int, int], rows: list[Row]) -> list[str]:
    """The learned codes beside random and designed ones."""
    binary, mixed = rb.best_constant_weight(*sizes), best_graded_weights(*sizes)
    try:
        net = rb.construct(disjunct_code(*sizes), 40.0)
        proof = rb.certify(net, rb.KSparseTask(sizes[0], sizes[2]), method="counting")
        designed = f"{proof.mse.upper:.5f}"
    except UsageError:
        designed = "none fits"
    network, code = (
        f"{shown(middle(rows, name), '.5f')} ({shown(worst_of(rows, name), '.5f')})"
        for name in ("mse", "code's mse")
    )
    return [
        "## The learned codes beside others",
        "",
        "Half + full bits a token. A law is the exact mean over random codes.",
        "",
        "| what | bits | mse |",
        "|---|---|---|",
        f"| best random binary code, law | 0 + {binary.weight} | {binary.mse:.5f} |",
        f"| trained network (worst) | {learned_bits(rows)} | {network} |",
        f"| its code, as an exact graded Bloom filter (worst) | {learned_bits(rows)} | {code} |",
        f"| best random graded code, law | {mixed.half} + {mixed.full} | {mixed.mse:.5f} |",
        f"| designed binary code (Kautz-Singleton), at most | - | {designed} |",
    ]


def learned_bits(rows: list[Row]) -> str:
    """Medians of the half and of the full bits a token."""
    half, full = (
        statistics.median(value for row in rows if (value := of_bits(each, "per_token")(row)))
        if any(row["graded"] for row in rows)
        else float("nan")
        for each in (1, 2)
    )
    return f"{half:.1f} + {full:.1f}"


def size_lines(rows: list[Row]) -> list[str]:
    """Sets of other sizes, found and said."""
    lines = [
        SIZES,
        "| tokens put in | untouched: found | said | leaking: found | said "
        "| covered, and yet above 0 | full bits that do not cover alone | half bits that do "
        "| members missed | sets that fail |",
        "|" + "---|" * 10,
    ]
    middles: Callable[[str, str], float] = lambda size, key: statistics.median(  # noqa: E731
        row["sizes"][size][key] for row in rows
    )
    levels = ("untouched", "untouched_said", "leaking", "leaking_said")
    shares = ("covered_on", "full_not_alone", "half_alone", "missed", "failing")
    for size in rows[0]["sizes"]:
        cells = [f"{middles(size, key):.3f}" for key in levels]
        cells += [f"{middles(size, key):.1%}" for key in shares]
        lines.append(f"| {size} | {' | '.join(cells)} |")
    return lines


def tie_lines(rows: list[Row]) -> list[str]:
    """What it takes to say which sets are ranked wrongly."""
    lines = [TIES, "| kept | ranking F1 |", "|---|---|"]
    lines += [
        f"| {name} | {with_worst([row['ties'][number] for row in rows])} |"
        for number, name in enumerate(NAMES)
    ]
    return lines


def four_lines(found: dict[str, list[Row]]) -> list[str]:
    """The networks of sets of 4."""
    lines = [
        FOUR.format(sets=next(iter(found.values()))[0]["sets"]),
        f"| networks | {' | '.join(COLUMNS)} | verdict |",
        "|" + "---|" * (len(COLUMNS) + 2),
    ]
    for objective, rows in found.items():
        count = "one network" if len(rows) == 1 else f"{len(rows)} seeds, median"
        lines.append(figures_line(f"`{objective}`, {count}", rows, middle, verdicts(rows)))
        if len(rows) > 1:
            lines.append(figures_line(f"`{objective}`, worst", rows, worst_of, ""))
    return lines


def history_lines(histories: dict[str, list[Row]]) -> list[str]:
    """Trainings, moment by moment."""
    lines = [HISTORY]
    forms = {"half": ".2f", "full": ".2f", "differ": ",", "halves_stay": ".1%", "fulls_stay": ".1%"}
    forms |= dict.fromkeys((f"half_from_{name}" for name in ("others", "fulls")), ".1%")
    forms |= {"code_fails": ".2%", "fails": ".2%", "mse": ".5f"}
    forms |= dict.fromkeys(("bare_f1", "graded_f1", "recall"), ".3f")
    for title, history in histories.items():
        lines += ["", f"### {title}", "", HISTORY_HEAD, "|" + "---|" * (len(forms) + 1)]
        for row in history:
            cells = [f"{row['step']:,}", *(shown(row[key], form) for key, form in forms.items())]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def middle(rows: list[Row], name: str) -> float | None:
    """Median of a column."""
    values = [value for value in map(COLUMNS[name][0], rows) if value is not None]
    return statistics.median(values) if values else None


def worst_of(rows: list[Row], name: str) -> float | None:
    """The worst of a column; none where no value is better than another."""
    values = [value for value in map(COLUMNS[name][0], rows) if value is not None]
    if not values or name in UNJUDGED:
        return None
    if name == "bare hash: F1":
        return None
    return max(values) if name in HIGH_IS_BAD else min(values)


def shown(value: float | None, form: str) -> str:
    """The value, or a dash."""
    return "-" if value is None else format(value, form)


INTRODUCTION = """# Trained to the end, measured

Made by `python experiments/full.py` (`make results-full`). What it means:
[../mechanism.md](../mechanism.md); words are in the [glossary](../glossary.md).

## The networks of preset `article-full`

N, d, k are {sizes}; {seeds} seeds, each over {sets:,} sets. *Bare hash*: all bits taken for full.
*Graded hash*: the strengths alone, no number fitted. *F1*: of the sets that fail by loss.
*Called*: of the tokens called wrongly, precision and recall of what the graded hash lets out.
*Ranking F1*: of the sets that are ranked wrongly. *States*: share of the pairs of a set and a unit
in which the unit is 0, weakly on or fully on just where it is covered, leaking or untouched.
*Half*: of the bits. *Bits*: a token, by the bare hash. *Code's mse*: of the graded hash as an exact
graded Bloom filter.
"""
STRENGTHS = """## The strengths

Means over the bits of a network. *Uneven*: a unit whose non-bit entries take away shares with a
standard deviation above 0.1.
"""
SIZES = """## Sets of other sizes

The networks were trained on sets of 3. *Said*: by one line of arithmetic. A unit that is untouched
stands at b + k m on sets of k, m being its mean non-bit entry. On sets of q it stands at
1 + (q - k) m / (b + k m) of that, and a bit that takes away the share v leaves that minus v. Levels
are shares of the untouched level at k. Medians, over 20,000 sets.
"""
TIES = """## What decides the ranking

Networks that keep some of the non-bit entries; all other entries are a factor a token times a level
a unit, by strength. F1 of the sets that are ranked wrongly, over 100,000 sets.
"""
FOUR = """## Sets of 4

Steps and rate as above, over {sets:,} drawn sets.
"""
HISTORY = """## How strengths come about

Networks of seed 0, looked at as they train. The strengths are read off by the same rule at every
moment, before they are kinds of their own, too. *Not final*: of all entries, those whose strength
differs from the last row's. *Stay*: of the half and of the full bits of that moment, those that are
the same in the last row. *Final half bits that are*: non-bit entries, or full bits, at that moment.
F1, recall and shares over 100,000 drawn sets."""
HISTORY_HEAD = (
    "| step | half bits a token | full | not final | half bits stay | full bits stay "
    "| final half bits that are non-bit | that are full | sets that fail: by the graded hash "
    "| the network | mse | bare hash: F1 | graded hash: F1 | called: recall |"
)
