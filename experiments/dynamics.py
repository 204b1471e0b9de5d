"""When modes split, in what order hashes settle, what dead tokens are: docs/results/dynamics.md.

Usage: python experiments/dynamics.py [--seeds n] [--runs DIR] [--out FILE] [--quick]

Reads the films of the networks of `cells.py`, which are trained where their run folders
are missing; trains networks on a Zipf source, and those of `dead_tokens.py`. What was measured is
kept in a file each, so that a second run only does what is missing.
"""

import itertools
import json
import statistics
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

import relubloom as rb
from cells import CELLS, Cell, K, asked, spread_line, trained
from dead_tokens import EARLY, TRIALS, Trial, small, trial_figures
from dynamics_figures import dead_figure, modes_figure, order_figure
from relubloom.evidence.dynamics import dynamics_of, spearman
from relubloom.network.extract import extract_with_modes
from relubloom.records.run_folder import read_film
from relubloom.report.charts.drawing import standalone

LINEAR, ZIPF = "linear", "zipf"
ZIPF_SEEDS = 4
SETS = 100_000
FEATURES = (
    ("norm", "norm of its initial row of W_in"),
    ("mean", "mean of that row"),
    ("nearest", "largest cosine of that row with another token's"),
    ("wrong_bits", "entries that started on the other side of their final threshold"),
    ("weight", "bits of the final hash"),
    ("weakest", "final distance from its threshold of the nearest entry"),
    ("overlap", "most bits that the final hash shares with another"),
)
Row = dict[str, Any]


def main() -> None:
    """Do what is missing, then write the page and its figures."""
    given = asked(__doc__, "dynamics.md")
    kept = given.runs.parent / "dynamics" if not given.quick else given.runs / "dynamics"
    cells = cells_of(given.cells)
    tried = {name: small(trial) if given.quick else trial for name, trial in TRIALS.items()}
    films: dict[str, list[Row]] = {}
    for name, (cell, task) in cells.items():
        runs, seeds = (kept, ZIPF_SEEDS) if name == ZIPF else (given.runs, given.seeds)
        films[name] = [
            film_figures(kept / name, runs / name, cell, task, seed)
            for seed in range(min(seeds, given.seeds))
        ]
    trials = {name: trial_figures(name, trial, kept) for name, trial in tried.items()}
    for drawn in (
        modes_figure({name: films[name] for name in ("article-mse", "wide-kl-then-mse")}),
        order_figure(films["article-mse"], films[ZIPF]),
        dead_figure({name: trials[name] for name in ("mse", "kl")}),
    ):
        path = given.out.with_name(f"{drawn.name}.svg")
        path.write_text(standalone(drawn.svg), encoding="utf-8")
    titles = {name: cell for name, (cell, _) in cells.items()}
    given.out.write_text(page(titles, films, tried, trials), encoding="utf-8")
    print(given.out)


def cells_of(cells: dict[str, Cell]) -> dict[str, tuple[Cell, rb.KSparseTask]]:
    """Size and recipe of every cell of the page, and its task."""
    article = cells["article-mse"]
    found = {name: (cell, rb.KSparseTask(cell.vocab_size, K)) for name, cell in cells.items()}
    title = "N=256, d=48, k=3, `mse`, trained without the ReLU"
    recipe = replace(article.recipe, activation="none")
    linear = replace(article, title=title, recipe=recipe)
    found[LINEAR] = (linear, rb.KSparseTask(article.vocab_size, K))
    title = "N=256, d=48, k=3, `mse`, token frequencies by Zipf's law"
    found[ZIPF] = (replace(article, title=title), rb.KSparseTask(article.vocab_size, K, "zipf"))
    return found


def film_figures(kept: Path, runs: Path, cell: Cell, task: rb.KSparseTask, seed: int) -> Row:
    """What the film of one network says; trained and read where that is not kept."""
    path = kept / f"seed-{seed}.json"
    if not path.exists():
        run = runs / f"seed-{seed}"
        trained(run, cell, task, seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(read_run(run, task)))
        print(path, flush=True)
    return json.loads(path.read_text())


def read_run(run: Path, task: rb.KSparseTask) -> Row:
    """The dynamics, and how good a filter the hash so far is."""
    net, filmed = rb.ReluNet.from_pretrained(run), read_film(run)
    assert filmed is not None, f"{run} holds no film"
    film, steps = filmed
    code, modes = extract_with_modes(net)
    lowest = film[0].numpy().argsort(0, kind="stable").argsort(0) < code.bits.sum(0)
    middle = len(steps) // 2
    codes = {
        "initial": rb.Code(lowest),
        "middle": rb.Code(film[middle].numpy() < modes.midpoint),
        "final": code,
    }
    sets = task.evaluation_sets(SETS).chunk(0, SETS).numpy()
    return asdict(dynamics_of(net, film, steps)) | {
        "weakest": np.abs(film[-1].numpy() - modes.midpoint).min(1).tolist(),
        "false_positives": {
            name: float(each.false_positives(sets).mean()) for name, each in codes.items()
        },
        "middle_step": steps[middle],
    }


def page(
    cells: dict[str, Cell],
    films: dict[str, list[Row]],
    tried: dict[str, Trial],
    trials: dict[str, Row],
) -> str:
    """The whole page."""
    first = tried["mse"]
    dead = DEAD.format(sets=first.in_the_end, few=first.on_the_way, steps=first.recipe.steps)
    lines = [INTRODUCTION]
    for name, rows in films.items():
        lines += [*film_lines(cells[name], rows), ""]
    lines += [ORDER, *order_lines(films), "", *repeat_lines(films), ""]
    lines += [*zipf_lines(films), "", ORDER_FIGURE, "", dead, *trial_lines(trials), ""]
    lines += [DEAD_FIGURE, "", *portrait_lines(trials["mse"]), "", *pull_lines(trials["mse"]), ""]
    return "\n".join(lines)


def film_lines(cell: Cell, rows: list[Row]) -> list[str]:
    """When the modes split and the hashes settled, in one cell."""
    unsplit = sum(row["splitting"]["split_step"] is None for row in rows)
    random = rb.best_constant_weight(cell.vocab_size, cell.width, K).false_positives
    figures: list[tuple[str, Callable[[Row], Any], str]] = [
        ("two modes by BIC from step", lambda row: row["splitting"]["two_modes_step"], ",.0f"),
        (
            "two modes at least 4 apart from step",
            lambda row: row["splitting"]["split_step"],
            ",.0f",
        ),
        ("entries near the threshold, at the start", lambda row: near(row, 0), ".1%"),
        ("the same, at the end", lambda row: near(row, -1), ".2%"),
        (
            "half of the tokens have their final hash but one bit by step",
            lambda row: row["settling"]["half_all_but_one_step"],
            ",.0f",
        ),
        (
            "half of the tokens have their final hash by step",
            lambda row: row["settling"]["half_settled_step"],
            ",.0f",
        ),
        ("nine tenths of the tokens do by step", nine_tenths_settled, ",.0f"),
        (
            "entries on their final side before training",
            lambda row: row["settling"]["final_side"][0],
            ".1%",
        ),
        (
            "a bit starts lower than a non-bit entry (chance 0.5)",
            lambda row: row["foretelling"]["auc"][0],
            ".3f",
        ),
        (
            "lowest initial entries that become bits",
            lambda row: row["foretelling"]["initial_hits"],
            ".1%",
        ),
        ("as many by chance", lambda row: row["foretelling"]["chance_hits"], ".1%"),
        (
            "false positives a set: hash of the lowest initial entries",
            lambda row: row["false_positives"]["initial"],
            ".4f",
        ),
        (
            f"hash at step {rows[0]['middle_step']:,}",
            lambda row: row["false_positives"]["middle"],
            ".4f",
        ),
        ("final hash", lambda row: row["false_positives"]["final"], ".4f"),
    ]
    parted = f"; in {unsplit} of them the modes are not 4 apart in the end" if unsplit else ""
    return [
        f"## {cell.title}",
        "",
        f"{len(rows)} seeds{parted}. On uniform sets the best random hash has {random:.4f} false "
        "positives a set.",
        "",
        "| figure | median | least | greatest |",
        "|---|---|---|---|",
        *(spread_line(name, [read(row) for row in rows], form) for name, read, form in figures),
    ]


def near(row: Row, snapshot: int) -> float:
    """Share of entries near the threshold."""
    return row["splitting"]["near_threshold"][snapshot]


def nine_tenths_settled(row: Row) -> int:
    """The first step by which nine tenths of the tokens have settled."""
    shares = row["settling"]["settled_tokens"]
    return next(step for step, share in zip(row["steps"], shares, strict=True) if share >= 0.9)


def order_lines(films: dict[str, list[Row]]) -> list[str]:
    """Spearman's correlations with the settling step: median, and the range over the seeds."""
    names = list(CELLS)
    lines = [
        f"| figure of a token | {' | '.join(f'`{name}`' for name in names)} |",
        f"|---|{'---|' * len(names)}",
    ]
    for key, title in FEATURES:
        cells = [with_range([row["order"][key] for row in films[name]]) for name in names]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return lines


def with_range(values: list[float | None]) -> str:
    """Median, and in brackets least and greatest."""
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    return f"{statistics.median(known):+.2f} ({min(known):+.2f} to {max(known):+.2f})"


def repeat_lines(films: dict[str, list[Row]]) -> list[str]:
    """Does the order repeat between seeds?"""
    lines = [
        "Spearman's correlation of two seeds' settling steps, token by token:",
        "",
        "| networks | pairs of seeds | mean | greatest, either sign | sd | sd by chance |",
        "|---|---|---|---|---|---|",
    ]
    for name in (*CELLS, ZIPF):
        steps = [np.array(row["settling"]["token_steps"]) for row in films[name]]
        found = [spearman(a, b) for a, b in itertools.combinations(steps, 2)]
        rho = np.array([each for each in found if each is not None])
        lines.append(
            f"| `{name}` | {len(rho)} | {rho.mean():+.3f} | {rho[np.abs(rho).argmax()]:+.3f} | "
            f"{rho.std():.3f} | {(len(steps[0]) - 1) ** -0.5:.3f} |"
        )
    return lines


def zipf_lines(films: dict[str, list[Row]]) -> list[str]:
    """Frequent tokens first? A quarter of the tokens each, and the rank correlation."""
    lines = [
        "Settling step by the token's number, which on the Zipf source is its rank by frequency\n"
        "(0 the most frequent), and on the uniform source means nothing:",
        "",
        "| source | seed | rank correlation of step and number | of its all-but-one step | "
        "median step, first quarter | last quarter |",
        "|---|---|---|---|---|---|",
    ]
    for source, name in (("Zipf", ZIPF), ("uniform", "article-mse")):
        for seed, row in enumerate(films[name][:ZIPF_SEEDS]):
            steps = np.array(row["settling"]["token_steps"])
            nearly = np.array(row["settling"]["token_steps_all_but_one"])
            number, quarter = np.arange(len(steps)), len(steps) // 4
            lines.append(
                f"| {source} | {seed} | {spearman(steps, number):+.2f} | "
                f"{spearman(nearly, number):+.2f} | {np.median(steps[:quarter]):,.0f} | "
                f"{np.median(steps[-quarter:]):,.0f} |"
            )
    return lines


def trial_lines(trials: dict[str, Row]) -> list[str]:
    """Each trial: median of its seeds, the worst in brackets."""
    lines = [
        "| recipe | seeds | silent at a tenth of the steps | silent in the end | dead in the end | "
        "deaths in the second half | revivals | mse |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, found in trials.items():
        seeds, moments = found["seeds"], np.array(found["steps"])
        early, half = (int(np.searchsorted(moments, part * moments[-1])) for part in (EARLY, 0.5))
        cells = [
            TRIALS[name].title,
            str(len(seeds)),
            with_most([each["silent"][early] for each in seeds]),
            with_most([each["silent"][-1] for each in seeds]),
            with_most([each["dead_in_the_end"] for each in seeds]),
            with_most([sum(each["deaths"][half:]) for each in seeds]),
            with_most([sum(each["revivals"][half:]) for each in seeds]),
            with_most([each["mse"] for each in seeds], ".4f"),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def with_most(values: list[float], form: str = "g") -> str:
    """Median, and in brackets the greatest."""
    return f"{statistics.median(values):{form}} ({max(values):{form}})"


def portrait_lines(found: Row) -> list[str]:
    """Dead and live tokens in the end, tokens of a seed by their median."""
    lines = [
        "Dead and live tokens of `mse` in the end: the median over the tokens of a seed, then the "
        "median, least and greatest over the seeds.",
        "",
        "| figure of a token | dead | live |",
        "|---|---|---|",
    ]
    portraits = [each["portrait"] for each in found["seeds"]]
    for key, title, form in PORTRAIT:
        cells: list[str] = []
        for dead in (True, False):
            medians = [
                float(np.median(np.array(each[key])[np.array(each["dead"]) == dead]))
                for each in portraits
            ]
            spread = f"({min(medians):{form}} to {max(medians):{form}})"
            cells.append(f"{statistics.median(medians):{form}} {spread}")
        lines.append(f"| {title} | {' | '.join(cells)} |")
    shared = [each["missed_in_the_end"] / each["misses_in_the_end"] for each in found["seeds"]]
    lines += ["", f"All misses that fall on dead tokens: {min(shared):.1%} at least, in each seed."]
    return lines


PORTRAIT = (
    ("probability", "p on the sets that hold it (1/3 is right)", ".2g"),
    ("row_norm", "norm of its row of W_in", ".2f"),
    ("row_and_initial_row", "correlation of that row with the initial one", ".2f"),
    ("column_norm", "norm of its column of W_out", ".2f"),
    ("column_mean", "mean of that column", ".2f"),
    ("row_and_column", "correlation of row and column", ".2f"),
    ("b_out", "its b_out", ".2f"),
)


def pull_lines(found: Row) -> list[str]:
    """Where the gradient of a token's logit comes from, under both objectives."""
    seeds = found["seeds"]
    lines = [
        f"What pulls at a token's logit at step {seeds[0]['early_step']:,} of `mse`, under its own "
        "objective and, with the same weights, under `kl`; dead are here the silent tokens. "
        "Medians over the tokens, then over the seeds, with the range.",
        "",
        "| objective | tokens | share of the summed absolute gradient that comes from sets which "
        "hold the token | share of their pull up that the other sets take away |",
        "|---|---|---|---|",
    ]
    for objective in ("mse", "kl"):
        for kind in ("dead", "live"):
            both = [each["pull"][f"{objective}-{kind}"] for each in seeds]
            cells: list[str] = []
            for key in ("members", "cancelled"):
                values = [each[key] for each in both]
                spread = f"({min(values):.1%} to {max(values):.1%})"
                cells.append(f"{statistics.median(values):.1%} {spread}")
            lines.append(f"| `{objective}` | {kind} | {' | '.join(cells)} |")
    dead, live = (
        with_most([each["pull"][f"contrast-{kind}"] for each in seeds], ".1f")
        for kind in ("dead", "live")
    )
    lines += [
        "",
        "A token's mean p on the sets that hold it, over that on the others (the greatest seed in "
        f"brackets): dead {dead}, live {live}.",
    ]
    return lines


INTRODUCTION = """# How networks come about, measured

Made by `python experiments/dynamics.py`. The films are those of the networks in
[mechanism.md](mechanism.md): W_in at 40 moments, closer together early, so a step given here is the
first of those moments at which something holds. What each figure is: [../files.md](../files.md),
`dynamics.json`. *Apart*: two normals describe the entries better than one (BIC), and their means
are at least 4 standard deviations apart, then and at every later moment. *Final hash*: every entry
is on the side of its unit's final threshold on which it ends, then and at every later moment.
False positives are over 100,000 drawn sets of the network's own task.

![Gap and settling](dynamics-modes.svg)

"""
ORDER = """## Which tokens come first

Spearman's correlation over the tokens of a network: the step at which a token has its final hash,
against a figure of the token. Median over the seeds, least and greatest in brackets. The first
three figures are of the initialisation alone, the fourth holds it against the end, the last three
are of the end.
"""
ORDER_FIGURE = "![Order of settling](dynamics-order.svg)"
DEAD_FIGURE = "![Dead tokens](dynamics-dead.svg)"
DEAD = """## Dead tokens

N=1000, d=64, k=3. A token is *dead* when it is missed on more than half of the sets that hold it,
and *silent* when on more than nine tenths. In the end it is counted on {sets:,} sets, on the way on
{few:,}. {steps:,} steps where no other number is given; the worst seed in brackets. A *death* and a
*revival* are between two of the 40 moments.
"""


if __name__ == "__main__":
    main()
