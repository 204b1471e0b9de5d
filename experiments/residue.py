"""Which part of the weights makes a trained network differ from its hash: docs/results/residue.md.

Usage: python experiments/residue.py [--seeds n] [--runs DIR] [--out FILE] [--quick]

Takes the networks of preset `article` that experiments/mechanism.py trains. In each, one
part of the weights at a time is made flat (every entry at its unit's mean of its kind, bit or not),
and in a network that is flat throughout one part at a time is put back.
"""

import statistics
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import relubloom as rb
from cells import K, asked, trained
from relubloom.evidence.interventions import intervene
from relubloom.evidence.ladder import LadderSets
from relubloom.evidence.ladder.read_network import ReadNetwork
from relubloom.evidence.ladder.read_off import find_weak_bits, weak_bits
from relubloom.evidence.ladder.rung import as_network
from relubloom.measure.answers import Batch, Losses
from relubloom.measure.evaluation import Evaluator
from relubloom.measure.pool import chunk_size, over_chunks

CELL = "article-mse"
SETS = 300_000
THREADS = 2
Weights = dict[str, NDArray[np.float64]]
Mask = NDArray[np.bool_]
Masks = dict[str, Mask]
Figures = dict[str, float]


class Failures(NamedTuple):
    """Which sets fail by loss and by ranking, [sets]."""

    loss: Mask
    ranking: Mask


TITLES = {
    "weak bits": "`W_in`, its weak bits (they do not turn their unit off alone)",
    "other bits": "`W_in`, all other bits",
    "no bits, in": "`W_in`, non-bit entries",
    "weak, out": "`W_out`, at the places of the weak bits",
    "strong, out": "`W_out`, all other bits",
    "no bits, out": "`W_out`, non-bit entries",
    "b_out": "`b_out`",
    "weak": "the weak bits, in both",
    "read": "the non-bit entries of `W_out`, and `b_out`",
    "linear": "the non-bit entries of both",
    "rest": "the non-bit entries of both, and `b_out`",
}


def main() -> None:
    """Measure every network and write the page."""
    given = asked(__doc__, "residue.md")
    cell = given.cells[CELL]
    task = rb.KSparseTask(cell.vocab_size, K)
    found: list[dict[str, Figures]] = []
    for seed in range(given.seeds):
        found.append(measure(trained(given.runs / CELL / f"seed-{seed}", cell, task, seed)))
        print(f"seed {seed}", flush=True)
    given.out.write_text(page(found), encoding="utf-8")
    print(given.out)


def measure(net: rb.ReluNet) -> dict[str, Figures]:
    """The figures of each changed network, by what was done to it."""
    code = rb.extract_code(net)
    whole = rb.KSparseTask(net.vocab_size, K).evaluation_sets()
    sets = whole.chunk(0, len(whole))[LadderSets(whole, net.vocab_size, SETS).numbers]
    truth, margin = answers(net, sets)
    parts = sets.split(10_000)
    covered = np.concatenate([code.false_positives(part.numpy()) > 0 for part in parts])
    read = ReadNetwork(net, code, K)
    W_in, b_in, W_out, b_out = read.weights
    own = {"W_in": W_in, "b_in": b_in, "W_out": W_out.T, "b_out": b_out}
    levels = {"W_in": read.departures.level_in, "W_out": read.departures.level_out}
    flat = own | levels | {"b_out": np.full_like(b_out, b_out.mean())}
    changed = {"all flat": flat}
    for name, masks in parts_of(code.bits, find_weak_bits(read)).items():
        changed[f"without {name}"] = own | put(flat, own, masks)
        changed[f"with {name}"] = flat | put(own, flat, masks)
    figures = {
        name: compare(truth, answers(network_of(weights), sets)[0], covered)
        for name, weights in changed.items()
    }
    figures["hash"] = compare(truth, Failures(covered, covered), covered)  # fails where it errs
    strengths = one_strength(own, flat, code.bits)
    listed = ("weak-bits", weak_bits(read).network)
    done = intervene(net, code, K, explanation=listed, workers=THREADS).interventions
    by_loss = {each.name: each.explained.by_loss for each in done if each.explained is not None}
    return figures | {
        "shares": shares(truth, covered),
        "margins": {
            name: float(torch.from_numpy(margin[of]).median())
            for name, of in kinds(truth, covered).items()
        },
        "strengths": strengths,
        "precision": {name: each.precision for name, each in by_loss.items()},
        "recall": {name: each.recall for name, each in by_loss.items()},
    }


def one_strength(own: Weights, flat: Weights, bits: Mask) -> Figures:
    """Whether an entry of W_out departs from its mean as W_in's does, and what that adds.

    Elsewhere than on bits, a token's departures in W_in pass the units that stay on and meet the
    departures in W_out: of its own as a member, and of every other token's.
    """
    inward, outward = (own[name] - flat[name] for name in ("W_in", "W_out"))
    on = (1 - bits.mean(0)) ** (K - 1)  # a unit without the token's bit is on so often
    logits = (np.where(bits, 0, inward) * on) @ np.where(bits, 0, outward).T
    apart = ~np.eye(len(bits), dtype=np.bool_)
    return {
        "correlation on bits": float(np.corrcoef(inward[bits], outward[bits])[0, 1]),
        "correlation elsewhere": float(np.corrcoef(inward[~bits], outward[~bits])[0, 1]),
        "logit of its own, mean": float(logits.diagonal().mean()),
        "logit of its own, sd": float(logits.diagonal().std()),
        "logit of another, mean": float(logits[apart].mean()),
        "logit of another, sd": float(logits[apart].std()),
    }


def parts_of(bits: Mask, weak: Mask) -> dict[str, Masks]:
    """The entries of each part, by matrix."""
    every = np.ones(len(bits), dtype=np.bool_)
    return {
        "weak bits": {"W_in": weak},
        "other bits": {"W_in": bits & ~weak},
        "no bits, in": {"W_in": ~bits},
        "weak, out": {"W_out": weak},
        "strong, out": {"W_out": bits & ~weak},
        "no bits, out": {"W_out": ~bits},
        "b_out": {"b_out": every},
        "weak": {"W_in": weak, "W_out": weak},
        "read": {"W_out": ~bits, "b_out": every},
        "linear": {"W_in": ~bits, "W_out": ~bits},
        "rest": {"W_in": ~bits, "W_out": ~bits, "b_out": every},
    }


def put(new: Weights, into: Weights, masks: Masks) -> Weights:
    """The matrices of the masks, with the new entries where a mask has them."""
    return {name: np.where(mask, new[name], into[name]) for name, mask in masks.items()}


def network_of(weights: Weights) -> rb.ReluNet:
    """The network of these weights; W_out is by token."""
    return as_network(weights["W_in"], weights["b_in"], weights["W_out"], weights["b_out"])


def answers(net: rb.ReluNet, sets: Tensor) -> tuple[Failures, NDArray[np.float64]]:
    """Which sets the network fails on, and its margin on each."""
    evaluator = Evaluator(net, K, one_size=True)
    found: list[Losses] = []

    def work(start: int, stop: int) -> Losses:
        return evaluator.losses(Batch.of(sets[start:stop], net.vocab_size))

    over_chunks(len(sets), chunk_size(net.vocab_size), work, found.append, THREADS)
    mse, margin = (
        torch.cat([getattr(x, name) for x in found]).numpy() for name in ("mse", "margin")
    )
    return Failures(mse > 1 / (2 * K * (K + 1)), ~(margin > 0)), margin


def kinds(truth: Failures, covered: Mask) -> dict[str, Mask]:
    """Sets by what the network does where its hash fails, and where it does not."""
    return {
        "rescued": covered & ~truth.loss,
        "re-ranked": covered & truth.loss & ~truth.ranking,
        "wrong": covered & truth.ranking,
        "new": ~covered & truth.loss,
    }


def shares(truth: Failures, covered: Mask) -> Figures:
    """Of the sets on which the hash fails, and of all sets for new failures."""
    found = {
        name: float(mask.sum() / covered.sum()) for name, mask in kinds(truth, covered).items()
    }
    return found | {"covered": float(covered.mean())}


def compare(truth: Failures, found: Failures, covered: Mask) -> Figures:
    """F1 of the failing sets, and which kinds of sets come out as the network has them."""
    of = kinds(truth, covered)
    right = share(~found.ranking, of["re-ranked"])
    wrong = share(found.ranking, of["wrong"])
    return {
        "loss": f1(truth.loss, found.loss),
        "ranking": f1(truth.ranking, found.ranking),
        "rescued": share(~found.loss, of["rescued"]),
        "new": share(found.loss, of["new"]),
        "re-ranked": (right + wrong) / 2,  # one answer for all is right half of the time
    }


def f1(actual: Mask, predicted: Mask) -> float:
    """Of the sets that fail."""
    return float(2 * (actual & predicted).sum() / max(1, actual.sum() + predicted.sum()))


def share(right: Mask, among: Mask) -> float:
    """Of those, the ones that are right; 1 of none."""
    return float(right[among].mean()) if among.any() else 1.0


def page(found: list[dict[str, Figures]]) -> str:
    """The tables: medians over the seeds, and in brackets the least."""
    rows = [("the hash alone", "hash"), ("all parts flat", "all flat")]
    for said, done in (("only this part as it is", "with"), ("only this part flat", "without")):
        rows += [(f"{said}: {title}", f"{done} {name}") for name, title in TITLES.items()]
    kind_shares = [each["shares"] for each in found]
    middle = {
        name.replace("-", "_"): f"{statistics.median(each[name] for each in kind_shares):.1%}"
        for name in kind_shares[0]
    }
    margin = {
        f"margin_{name.replace('-', '_')}": statistics.median(
            each["margins"][name] for each in found
        )
        for name in found[0]["margins"]
    }
    lines = [
        INTRODUCTION.format(seeds=len(found), sets=SETS, **middle, **margin),
        "| network | loss F1 | ranking F1 | rescues | re-rankings | new failures |",
        "|---|---|---|---|---|---|",
    ]
    for title, name in rows:
        cells = [
            median_and_least([each[name][key] for each in found])
            for key in ("loss", "ranking", "rescued", "re-ranked", "new")
        ]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    lines += [STRENGTHS, "| figure | median (least) |", "|---|---|"]
    for name in found[0]["strengths"]:
        lines.append(
            f"| {name} | {median_and_least([each['strengths'][name] for each in found])} |"
        )
    lines += [LISTED, "| intervention | precision | recall |", "|---|---|---|"]
    for name in found[0]["precision"]:
        cells = [
            median_and_least([each[key][name] for each in found]) for key in ("precision", "recall")
        ]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def median_and_least(values: list[float]) -> str:
    return f"{statistics.median(values):.3f} ({min(values):.3f})"


INTRODUCTION = """# The residue, part by part

Made by `python experiments/residue.py`: preset `article`, {seeds} seeds, {sets:,} sets each;
medians, and in brackets the least of the seeds. What it means: [../mechanism.md](../mechanism.md).

A part of the weights is *flat* when each of its entries is at its unit's mean of the same kind
(bit, or not), or `b_out` at its mean. Sets on which the hash has a false positive are {covered} of
all. On {rescued} of these the network does not fail by loss (a *rescue*, margin
{margin_rescued:.2f} logits); on {re_ranked} it fails by loss and yet ranks the members first (a
*re-ranking*, margin {margin_re_ranked:.3f}); on {wrong} it ranks them wrongly (margin
{margin_wrong:.3f}). *New failures* by loss, where the hash has no false positive, are {new} as many
as those sets. Margins are medians of the least member's logit less the greatest other's.

Columns: F1 of the changed network's failing sets against the real one's; the share of the rescues
that it rescues too; of re-rankings and wrong rankings those that it ranks alike (mean of the two
shares: 0.5 is chance); the share of the new failures that it has too.
"""


STRENGTHS = """
## One strength for both matrices

How far an entry lies from its unit's mean of the same kind, in `W_in` against in `W_out`; and, of
the non-bit entries, what a token's departures add to the logit of that token and of
another through the units that stay on.
"""


LISTED = """
## Interventions as `weak-bits` predicts them

The rung that lists weak bits with their entries in both matrices, read off the weights, in place of
the one whose readout is fitted: precision and recall of the cases that fail by loss.
"""


if __name__ == "__main__":
    main()
