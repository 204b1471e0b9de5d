"""`rb.plot`: the report's own charts as matplotlib figures, drawn from objects or a sweep's folder.

matplotlib is loaded when the first one is drawn. Colours are those of the page on paper. A
notebook shows a figure that a cell ends with; `figure.savefig("matrix.svg")` writes it to a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from relubloom.errors import UsageError, as_path, check_choice, described

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from relubloom.evidence import Evidence
    from relubloom.network.relu_net import ReluNet
    from relubloom.task import KSparseTask, SetsLike

__all__ = ["histogram", "ladder", "levels", "matrix", "width"]
FAILURES = ("loss", "ranking")


def __dir__() -> list[str]:
    return __all__


def matrix(net: ReluNet, *, tokens: Sequence[str] = ()) -> Figure:
    """W_in of the first 64 tokens in up to 128 units, which are sorted by the hashes.

    `tokens` are labels, one a token; by default those of the run folder that it was read from,
    or ids.

    Raises:
        UsageError: it is no network, or the labels are not one a token.
    """
    from relubloom.network.extract import extract_code
    from relubloom.network.relu_net import as_network
    from relubloom.records.labels import labels_of
    from relubloom.report.charts.weights import draw_matrix, shared_limit, shown, unit_order
    from relubloom.tokens_file import as_labels

    net = as_network(net)
    labels = as_labels("tokens", tokens) or labels_of(net)
    if len(labels) != net.vocab_size:
        raise UsageError(
            f"{len(labels)} token labels for {net.vocab_size} tokens: give one label a token"
        )
    W_in = net.W_in.detach().float().cpu().numpy()
    part = shown(W_in, unit_order(W_in, extract_code(net)))
    limit = shared_limit([part])
    down, across = part.shape
    title = (
        f"W_in: {_of(down, net.vocab_size)} tokens, {_of(across, net.width)} units\n"
        f"blue: \N{MINUS SIGN}{limit:.2g} and below, clear: 0, orange: {limit:.2g} and above"
    )
    return _figure(draw_matrix("matrix", part, limit, labels, ""), title)


def histogram(net: ReluNet) -> Figure:
    """All entries of W_in, with the two normals fitted to them where they are of two kinds.

    Entries of reversed units are negated, so that bits lie on the left.

    Raises:
        UsageError: it is no network, or its weights hold NaN or infinity.
    """
    from relubloom.evidence.mechanism.units import measure_input_modes
    from relubloom.network.extract import extract_code, reversed_units
    from relubloom.network.given_weights import as_array
    from relubloom.network.relu_net import as_network
    from relubloom.report.charts.weights import bin_edges, bin_shares, draw_histogram
    from relubloom.report.sections.weights import modes_of, with_bits_below

    net = as_network(net)
    turned = reversed_units(net, extract_code(net))
    entries = as_array(net.W_in)
    modes = modes_of(measure_input_modes(entries, turned))
    drawn = with_bits_below(entries.astype("float32"), turned)
    edges = bin_edges([drawn])
    return _figure(draw_histogram("histogram", bin_shares(drawn, edges), edges, modes, ""))


def levels(of: Evidence | ReluNet, sets: KSparseTask | SetsLike | None = None) -> Figure:
    """Each hidden unit's level where the union covers it, and where it does not.

    Args:
        of: evidence, or a network, which is then examined.
        sets: what a network is examined on; by default the task that it was trained on here, or
            that the run folder names from which it was read.

    Raises:
        UsageError: it is neither, a network does not say its sets, or every unit is always covered.
    """
    from relubloom.report.sections.mechanism import levels as level_charts

    charts = level_charts(_evidence(of, sets).mechanism)
    if not charts:
        raise UsageError(
            "there are no levels to draw: every unit is covered on every set; examine smaller sets"
        )
    return _figure(charts[0])


def ladder(evidence: Evidence, failures: Literal["loss", "ranking"] = "loss") -> Figure:
    """How well each rung of the ladder says which sets fail, against its length in bits.

    `failures` are those of loss or of ranking.

    Raises:
        UsageError: it is no evidence, it holds no ladder, or there are no such failures.
    """
    from relubloom.report.sections.explanation import ladder_chart, numbered

    check_choice("failures", failures, *FAILURES)
    found = _evidence(evidence, None).ladder
    if found is None:
        raise UsageError(
            'the evidence holds no ladder: give gather_evidence(net, sets, depth="study")'
        )
    figure = _figure(ladder_chart(found.rungs, f"{failures} failures"))
    (axes,) = figure.axes
    kinds = {str(line.get_label()): line for line in axes.lines if line.get_marker() != "None"}
    place: Any = {"loc": "lower left", "bbox_to_anchor": (-0.04, 1), "ncol": 4, "frameon": False}
    axes.legend(kinds.values(), kinds, fontsize=9.5, columnspacing=1, handletextpad=0.2, **place)
    named = "\n".join(f"{number} {name}" for name, number in numbered(found.rungs).items())
    axes.text(1.03, 1, named, transform=axes.transAxes, va="top", fontsize=9.5)
    return figure


def width(results: Path | str, objective: str | None = None) -> Figure:
    """Error against width over a sweep's networks, beside random codes and random directions.

    Args:
        results: the `--out` folder of a sweep, or its results file. Of several tasks the one with
            the most networks is drawn, of uniform sets of one size.
        objective: what the networks were trained with: mse, kl or kl-then-mse; by default mse, or
            where no network was, the first that there is. The title names it.

    Raises:
        FileError: there are no results.
        UsageError: they hold no networks of several widths.
    """
    from collections import Counter

    from relubloom.report.sections.width import rows_by_objective, width_chart
    from relubloom.sweep.results import Results

    rows = [row for row in Results(as_path("results", results)).rows() if row.status == "done"]
    tasks = Counter((row.settings["vocab_size"], str(row.settings["set_size"])) for row in rows)
    for (vocab_size, set_size), _ in tasks.most_common():
        if set_size.isdigit():
            found = rows_by_objective(rows, vocab_size, int(set_size), objective or "mse")
            if found and objective in (None, *found):
                name = objective or next(iter(found))
                title = f"objective {name}: {vocab_size:,} tokens, sets of {set_size}"
                return _figure(width_chart(name, found[name]), title)
    raise UsageError(
        f"{results} holds no networks of several widths{f' for {objective}' if objective else ''}: "
        "error against width needs two; run `relubloom sweep` with width = [24, 32, 48]"
    )


def _evidence(of: Evidence | ReluNet, sets: KSparseTask | SetsLike | None) -> Evidence:
    from relubloom.evidence import Evidence, gather_evidence
    from relubloom.network.relu_net import ReluNet
    from relubloom.records.folder_task import task_of

    if isinstance(of, Evidence):
        return of
    if not isinstance(of, ReluNet):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise UsageError(f"evidence is {described(of)}: give gather_evidence(net, sets)")
    sets = task_of(of) if sets is None else sets
    if sets is None:
        raise UsageError(
            "the network does not say what it was made for: give sets, such as "
            f"KSparseTask({of.vocab_size}, set_size), or gather_evidence(net, sets)"
        )
    return gather_evidence(of, sets)


def _of(shown: int, there: int) -> str:
    return f"{there:,}" if shown == there else f"the first {shown:,} of {there:,}"


def _figure(drawing: Any, title: str = "") -> Figure:
    from relubloom.report.charts.drawing import on_paper

    return on_paper(drawing.figure, title)
