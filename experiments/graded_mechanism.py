"""Hold networks that were trained to the end against their graded codes.

Usage: python experiments/graded_mechanism.py [--seeds n] [--runs DIR] [--out FILE] [--quick]

With `--runs runs` it takes the networks of `experiments/full.py`, where they are there.
Writes docs/results/graded-mechanism.md: what the strengths alone say of sets and of interventions,
the ladder beyond them, and, where they fall short, what else it takes. Each network is trained in a
run folder that is kept, and its figures are kept in a file beside it, so that a second run only
does what is missing. Rungs are fitted for the first four seeds.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

import relubloom as rb
from cells import Cell, K, asked, small, trained, with_worst
from relubloom.code.bit_slices import unpack_bits
from relubloom.evidence.interventions import intervene
from relubloom.evidence.interventions.changes import (
    ForceUncovered,
    PatchFalsePositive,
    ScrubIrrelevant,
)
from relubloom.evidence.interventions.intervention import CallDecoder, Cases, Words, marked
from relubloom.evidence.interventions.plan import RandomSets, SealedPlan, seal
from relubloom.evidence.interventions.prepared_network import PreparedNetwork, hidden
from relubloom.evidence.ladder import climb, sets_for_ladder
from relubloom.evidence.ladder.climb import GRADED_FITTED_RUNGS, GRADED_RUNGS
from relubloom.evidence.ladder.read_network import ReadNetwork
from relubloom.measure.one_pass import one_pass
from relubloom.measure.statistics import agreement
from relubloom.network.strengths import (
    BIT,
    CALLED,
    FULL,
    Drops,
    extract_with_drops,
    measure_drops,
    written_in_sets_of,
)
from relubloom.study.settings import PRESETS

CELL = "article-full"
SETS, CALLED_SETS = 300_000, 100_000
CASES, SOURCES = 20_000, 2048
FITTED, FIT_STEPS = 4, 3_000
CODES = ("graded-hash", "shuffled-strengths", "random-graded-hash", "longer-hash", "hash")
OTHER_CALLS = ("input-alone", "strongest-member", "another-seed")
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
Row = dict[str, Any]


def main() -> None:
    """Do what is missing, then write the page from all there is with several strengths."""
    given = asked(__doc__, "graded-mechanism.md")
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    full = Cell(f"preset `{CELL}`", 256, 48, PRESETS[CELL].recipe, fit=True)
    cell = small(full) if given.quick else full
    folder = given.runs / CELL
    for seed in range(given.seeds):
        path = folder / f"seed-{seed}.graded.json"
        if not path.exists():
            task = rb.KSparseTask(cell.vocab_size, K)
            other = (seed + 1) % max(2, given.seeds)
            net, another = (
                trained(folder / f"seed-{each}", cell, task, each) for each in (seed, other)
            )
            started = time.monotonic()
            row = measure(net, another, task, fit=seed < FITTED)
            path.write_text(json.dumps(row))
            print(path, f"{time.monotonic() - started:.0f} s", flush=True)
    rows = {
        int(path.name.split(".")[0].removeprefix("seed-")): json.loads(path.read_text())
        for path in folder.glob("seed-*.graded.json")
    }
    given.out.write_text(page(rows, cell), encoding="utf-8")
    print(given.out)


def measure(net: rb.ReluNet, another: rb.ReluNet, task: rb.KSparseTask, *, fit: bool) -> Row:
    """What the tables show of one network, with another seed's as a control."""
    code = rb.extract_code(net)
    graded, drops = extract_with_drops(net, code, K)
    if graded.levels == 1:
        return {"levels": 1}
    sets = task.evaluation_sets(SETS)
    kept = sets_for_ladder(net, code, sets, fit=fit)
    one_pass(net, sets, [kept])
    fitted = (*GRADED_FITTED_RUNGS, "best-readout") if fit else ()
    only = ("hash", "weak-bits", *GRADED_RUNGS, *fitted, "network")
    ladder = climb(net, code, kept, graded=graded, only=only, fit_steps=FIT_STEPS)
    done = intervene(net, graded, K, cases=CASES)
    return {
        "levels": graded.levels,
        "network_bits": ladder.network_bits,
        "rungs": {rung.name: asdict(rung) for rung in ladder.rungs},
        "calls": calls(net, ReadNetwork(net, code, float(K), graded), another, task),
        "by_input": int((by_input_alone(drops).strengths != graded.strengths).sum()),
        "interventions": {each.name: asdict(each) for each in done.interventions},
        "short": where_it_falls_short(net, graded, drops, task),
    }


def calls(
    net: rb.ReluNet, read: ReadNetwork, another: rb.ReluNet, task: rb.KSparseTask
) -> dict[str, Row]:
    """Wrongly called tokens and sets that fail, as each code predicts; the first of its draws."""
    sets = RandomSets(task, 0).sets("called", CALLED_SETS)
    assert read.graded is not None
    codes: dict[str, rb.Code | rb.GradedCode] = {"hash": read.code, "graded-hash": read.graded}
    for name in CODES[1:4]:
        program = GRADED_RUNGS[name](read).programs[0]
        assert isinstance(program, rb.Code | rb.GradedCode)
        codes[name] = program
    codes["another-seed"] = rb.extract_graded_code(another, K)
    codes["input-alone"] = by_input_alone(measure_drops(net, read.code, K))
    decoders: dict[str, Callable[[ArrayLike], Mask]] = {n: c.decode for n, c in codes.items()}
    decoders["strongest-member"] = strongest_member(read.graded)
    counts = {name: np.zeros((2, 3)) for name in decoders}
    for part in np.array_split(sets, 20):
        logits = net(torch.from_numpy(part)).detach()
        called, others = called_by(logits), ~members_of(part, net.vocab_size)
        failed = failing(logits, ~others)
        for name, decode in decoders.items():
            out: Mask = decode(part) & others
            fails: Mask = np.any(out, axis=1)
            counts[name] += counted(out, called & others), counted(fails, failed)
    return {
        name: asdict(agreement(*tokens.tolist())) | {"fails": agreement(*sets.tolist()).f1}
        for name, (tokens, sets) in counts.items()
    }


def by_input_alone(drops: Drops) -> rb.GradedCode:
    """The strengths that W_in alone says, whatever a bit costs its token."""
    return rb.GradedCode((drops.share >= BIT).astype(np.uint8) + (drops.share >= FULL), 2)


def strongest_member(graded: rb.GradedCode) -> Callable[[ArrayLike], Mask]:
    """Decode as if two half bits in one unit leaked as one does: the strongest bit is the state."""
    levels = range(1, graded.levels + 1)
    written = rb.Code(np.concatenate([graded.strengths >= level for level in levels], axis=1))
    return lambda sets: graded.layers.decode_unions(written.union(sets))


def members_of(sets: NDArray[np.int64], vocab: int) -> Mask:
    """Which tokens are in each set, bool [sets, vocab]."""
    return unpack_bits(marked(sets, vocab), vocab)


def failing(logits: torch.Tensor, members: Mask) -> Mask:
    """Sets, or cases, that fail by loss."""
    size = members.sum(1)
    p = logits.double().softmax(1).numpy()
    mse = ((p - members / size[:, None]) ** 2).sum(1)
    return mse > 1 / (2 * size * (size + 1))


def called_by(logits: torch.Tensor) -> Mask:
    """At least half of the largest p."""
    return (logits >= logits.amax(1, keepdim=True) - CALLED).numpy()


def counted(
    predicted: Mask, actual: Mask, weight: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Predicted, there, both; a case of [cases] or [cases, tokens] weighs as given."""
    both = predicted & actual
    each = [found.reshape(len(found), -1).sum(1) for found in (predicted, actual, both)]
    return np.array([np.average(one, weights=weight) if len(one) else 0.0 for one in each])


@torch.no_grad()
def where_it_falls_short(
    net: rb.ReluNet, graded: rb.GradedCode, drops: Drops, task: rb.KSparseTask
) -> dict[str, Row]:
    """The interventions that strengths predict less well, with what they lack given or left out."""
    source, decoder = RandomSets(task, 0), CallDecoder(graded)
    sources = source.sets("sources", SOURCES)
    subject = PreparedNetwork.of(net, graded, sources, source.choices("sources"))
    larger = written_in_sets_of(net, graded, K + 1)

    def tokens(named: Words) -> Mask:
        return unpack_bits(named, net.vocab_size)

    def sealed(made: type[ForceUncovered] | type[ScrubIrrelevant], by: rb.GradedCode) -> SealedPlan:
        return seal(made(), decoder, by, source, CASES)

    found: dict[str, Row] = {}
    scrubbed = sealed(ScrubIrrelevant, graded)
    cases = scrubbed.cases
    own, other = (
        hidden(subject.net, cases.sets),
        subject.resampled(cases.sets, cases.acted_on[:, 0]),
    )
    states = graded.states(cases.sets)
    for name, keeps in {
        "scrubbed": np.zeros_like(states, dtype=np.bool_),
        "leaks kept": (states > 0) & (states < graded.levels),
        "untouched kept": states == 0,
        "not scrubbed": np.ones_like(states, dtype=np.bool_),
    }.items():
        logits = subject.patched(cases.sets, np.where(keeps, own, other))
        found[name] = by_loss(tokens(scrubbed.right), logits, cases)
    found["missed"] = missed_when_scrubbed(subject, scrubbed, own, other, drops)
    forced = sealed(ForceUncovered, graded)
    logits = forced.intervention.run(subject, forced.cases)
    found["forced"] = by_loss(tokens(forced.right), logits, forced.cases)
    lasting = dropped_cost(graded, drops, forced.cases) >= CALLED
    found["forced, members lose the call"] = by_loss(
        tokens(forced.right)[lasting], logits[torch.from_numpy(lasting)], forced.cases[lasting]
    )
    found["forced, members lose the call"]["kept"] = float(
        forced.cases.weight[lasting].sum() / forced.cases.weight.sum()
    )
    put_in = seal(PatchFalsePositive(), decoder, larger, source, CASES)
    logits = put_in.intervention.run(subject, put_in.cases)
    plain = decoder.called(graded.states(put_in.cases.members))
    found["put in, written at k"] = by_loss(tokens(plain), logits, put_in.cases)
    found["put in, written at k + 1"] = by_loss(tokens(put_in.right), logits, put_in.cases)
    exact = rb.ReluNet(*flat_non_bits(net, graded))
    alike = PreparedNetwork.of(exact, graded, sources, source.choices("sources"))
    own_call = put_in.intervention.run(alike, put_in.cases)
    found["put in, every bit at its own level"] = by_loss(called_by(own_call), logits, put_in.cases)
    any_set = source.sets("larger", CASES // 5)
    fours = RandomSets(rb.KSparseTask(task.vocab_size, K + 1), 0).sets("larger", len(any_set))
    even = Cases(fours, fours[:, :0], fours, np.ones(len(fours)))
    logits = net(torch.from_numpy(fours)).detach()
    for name, by in {"at k": graded, "at k + 1": larger}.items():
        found[f"any k + 1 tokens, written {name}"] = by_loss(
            tokens(decoder.called(by.states(fours))), logits, even
        )
    return found


def by_loss(predicted: Mask, logits: torch.Tensor, cases: Cases) -> Row:
    """Cases that fail, as those in which other tokens than the members are named."""
    members, called = members_of(cases.members, logits.shape[1]), called_by(logits)
    found = counted((predicted != members).any(1), failing(logits, members), cases.weight)
    return asdict(agreement(*found.tolist())) | {
        "exact": float(np.average((predicted == called).all(1), weights=cases.weight))
    }


def missed_when_scrubbed(
    subject: PreparedNetwork, plan: SealedPlan, own: Floats, other: Floats, drops: Drops
) -> Row:
    """Cases that fail though they should not: which token they lose, which unit would mend them.

    `own` and `other` are the sets' hidden layer, and the scrubbed one.
    """
    graded, cases = subject.code, plan.cases
    logits = subject.patched(cases.sets, other)
    members = members_of(cases.members, graded.vocab_size)
    right = unpack_bits(plan.right, graded.vocab_size)
    missed = np.flatnonzero(failing(logits, members) & (right == members).all(1))
    lost = (members & ~called_by(logits))[missed].sum(0)
    mended = np.zeros(graded.width, dtype=np.int64)
    for unit in range(graded.width):
        post = other[missed].copy()
        post[:, unit] = own[missed, unit]
        mended[unit] = (~failing(subject.patched(cases.sets[missed], post), members[missed])).sum()
    token, unit = int(lost.argmax()), int(mended.argmax())
    unread = (drops.share[token] >= BIT) & ~graded.bits[token]
    return {
        "missed": len(missed),
        "lost": int(lost.max()),
        "unread": sorted(drops.cost[token][unread].tolist(), reverse=True),
        "mended": int(mended.max()),
        "uneven": float(np.nanstd(np.where(graded.bits, np.nan, drops.share)[:, unit])),
    }


def dropped_cost(graded: rb.GradedCode, drops: Drops, cases: Cases) -> NDArray[np.float64]:
    """The least that a member with a bit in the forced unit loses by it, logits; inf if none has
    one."""
    vocab, unit = graded.vocab_size, cases.acted_on
    costs = np.where(graded.strengths > 0, drops.cost, np.inf)
    padded = np.concatenate([costs, np.full((1, graded.width), np.inf)])
    staying = (cases.sets[:, :, None] == cases.members[:, None, :]).any(2)
    return np.where(staying | (cases.sets == vocab), np.inf, padded[cases.sets, unit]).min(1)


def flat_non_bits(net: rb.ReluNet, graded: rb.GradedCode) -> list[torch.Tensor]:
    """The weights with each non-bit entry at its unit's mean, in both matrices."""
    W_in, b_in, W_out, b_out = (each.detach().double() for each in net.parameters())
    other = torch.from_numpy(graded.strengths == 0)

    def flat(by_token: torch.Tensor) -> torch.Tensor:
        mean = torch.where(other, by_token, 0).sum(0) / other.sum(0).clamp(min=1)
        return torch.where(other, mean, by_token)

    return [flat(W_in), b_in, flat(W_out.T).T.contiguous(), b_out]


def page(rows: dict[int, Row], cell: Cell) -> str:
    """The tables: medians over the seeds, and in brackets the worst."""
    found = [rows[seed] | {"seed": seed} for seed in sorted(rows) if rows[seed]["levels"] > 1]
    counts = {
        "seeds": ", ".join(map(str, sorted(rows))),
        "graded": len(found),
        "title": cell.title,
        "cases": CASES,
    }
    counts |= {"vocab": cell.vocab_size, "width": cell.width, "k": K, "steps": cell.recipe.steps}
    counts |= {"sets": SETS, "fitted": FITTED, "fit_steps": FIT_STEPS, "called": CALLED_SETS}
    lines = [INTRODUCTION.format(**counts)]
    if found:
        lines += [INTERVENED.format(**counts), *intervention_lines(found)]
        counts["by_input"] = with_worst([r["by_input"] for r in found], highest=True, digits=0)
        lines += [LADDER.format(**counts), *ladder_lines(found), *call_lines(found)]
        lines += [SHORT.format(**counts), *short_lines(found)]
    return "\n".join(lines) + "\n"


def intervention_lines(rows: list[Row]) -> list[str]:
    lines = [
        "| intervention | by loss: precision | recall | tokens: precision | recall | calls that "
        "change: precision | recall | exactly as predicted | control: by loss, F1 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in rows[0]["interventions"]:
        each = [row["interventions"][name] for row in rows]
        cells = [
            *both([one["by_loss"] for one in each]),
            *both(each),
            *both([one["changes"] or {"precision": None, "recall": None} for one in each]),
            with_worst([one["exact_match"] for one in each]),
            with_worst([one["control"]["by_loss"]["f1"] for one in each], highest=True),
        ]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return lines


def ladder_lines(rows: list[Row]) -> list[str]:
    names: list[str] = sorted(
        {name for row in rows for name in row["rungs"]},
        key=lambda name: (
            min(row["rungs"][name]["bits"] for row in rows if name in row["rungs"]),
            name,
        ),
    )
    lines = [
        "| rung | kind | seeds | bits, share of the network's | mse | loss F1 | ranking F1 |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in names:
        of = [row for row in rows if name in row["rungs"]]
        rungs = [row["rungs"][name] for row in of]
        control = rungs[0]["kind"] == "baseline"
        share = statistics.median(row["rungs"][name]["bits"] / row["network_bits"] for row in of)
        cells = [
            f"`{name}`",
            rungs[0]["kind"],
            str(len(of)),
            f"{share:.1%}",
            with_worst([rung["mse"] for rung in rungs], highest=True, digits=5),
            with_worst([rung["loss_failures"]["f1"] for rung in rungs], highest=control),
            with_worst([rung["ranking_failures"]["f1"] for rung in rungs], highest=control),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def call_lines(rows: list[Row]) -> list[str]:
    lines = [
        "",
        "| code | wrongly called tokens: precision | recall | F1 | sets that fail: F1 |",
        "|---|---|---|---|---|",
    ]
    for name in (*CODES, *OTHER_CALLS):
        each = [row["calls"][name] for row in rows]
        fair = name in ("graded-hash", "input-alone", "strongest-member")
        f1, fails = (
            with_worst([one[key] for one in each], highest=not fair) for key in ("f1", "fails")
        )
        lines.append(f"| `{name}` | {' | '.join(both(each))} | {f1} | {fails} |")
    return lines


def short_lines(rows: list[Row]) -> list[str]:
    lines = [
        "| what is done, and what the prediction knows | by loss: precision | recall | "
        "exactly as predicted |",
        "|---|---|---|---|",
    ]
    for name, title in SHORT_TITLES.items():
        each = [row["short"][name] for row in rows]
        exact = with_worst([one["exact"] for one in each])
        lines.append(f"| {title} | {' | '.join(both(each))} | {exact} |")
    kept = [row["short"]["forced, members lose the call"]["kept"] for row in rows]
    lines += ["", LEFT_OUT.format(left=with_worst([1 - each for each in kept], highest=True))]
    return [*lines, MISSED, *(missed_line(row) for row in rows)]


def missed_line(row: Row) -> str:
    """What the cases have in common that fail under scrubbing though they should not."""
    found = row["short"]["missed"]
    cells = [
        f"{row['short']['scrubbed']['recall']:.3f}",
        str(found["missed"]),
        str(found["lost"]),
        ", ".join(f"{cost:.2f}" for cost in found["unread"]) or "none",
        str(found["mended"]),
        f"{found['uneven']:.2f}",
    ]
    return f"| {row['seed']} | {' | '.join(cells)} |"


def both(found: list[Row]) -> list[str]:
    """Two cells, each with the worst."""
    return [with_worst([each[name] for each in found]) for name in ("precision", "recall")]


INTRODUCTION = """# The graded mechanism, measured

Made by `python experiments/graded_mechanism.py`: {title}, N={vocab}, d={width}, k={k}, {steps:,}
steps. Of seeds {seeds} there are {graded} that end with half bits. Medians, and in brackets the
worst of the seeds: the least, of a control or an mse the greatest. What it means:
[../mechanism.md](../mechanism.md); what the rungs and the interventions are:
[../files.md](../files.md). *By loss*: a case fails where its mse is above 1/(2k(k+1)), and is
predicted to where other tokens than the members should be called."""

INTERVENED = """
## Interventions, predicted by the strengths alone

{cases:,} cases each, fewer where the code seldom errs; no number is fitted. `swap-hashes` and
`patch-donor` give the hidden layer of another set, in any network, so they test the reading of sets
as they are. `patch-false-positive` is predicted from what bits write in sets of k + 1 tokens, read
off `W_in`; nearly all of its cases have no false positive of their own, so its figures token by
token say little.
"""

LADDER = """
## The ladder

{sets:,} drawn sets. Rungs whose readout is fitted have {fit_steps:,} steps, on other sets, for the
first {fitted} seeds, as far as they are here. `graded-factors-best-readout` has 16 numbers more for
each token and for each unit: factors of what non-bit entries of `W_in` carry beyond their levels.
`best-readout` has all of `W_in`, so it shows what such a fit can reach at all. The second table is
over {called:,} sets. Its `input-alone` reads strengths off `W_in`, whatever a bit costs: it differs
from the graded hash in {by_input} entries. `strongest-member` is the graded hash with another
rule: the strongest bit of the members decides a unit's state, so two half bits leak as one does.
`another-seed` is the graded hash of the next seed's network.
"""

SHORT = """
## Where strengths alone fall short

The same network, the same cases, with more known or less done. *Scrubbed*: each unit has its value
from a random set that leaves it in the same state; or only the units do that are not said to be
kept. *Forced*: `force-uncovered`. *Put in*: `patch-false-positive`, predicted as bits write in sets
of k tokens, as they write in sets of k + 1, and by the network with each non-bit entry at its
unit's mean, which knows the level of every bit.
"""

SHORT_TITLES = {
    "not scrubbed": "not scrubbed",
    "scrubbed": "scrubbed: the state alone is kept",
    "leaks kept": "scrubbed, but for units that leak",
    "untouched kept": "scrubbed, but for untouched units",
    "forced": "forced to be untouched",
    "forced, members lose the call": "forced, where each dropped member's bit costs ln 2 or more",
    "put in, written at k": "false positive put in: written as in sets of k",
    "put in, written at k + 1": "false positive put in: written as in sets of k + 1",
    "put in, every bit at its own level": "false positive put in: every bit at its own level",
    "any k + 1 tokens, written at k": "any k + 1 tokens: written as in sets of k",
    "any k + 1 tokens, written at k + 1": "any k + 1 tokens: written as in sets of k + 1",
}

LEFT_OUT = """In `force-uncovered` a member with a half bit in the unit should drop out. Where that
bit costs it less than ln 2 it may stay. A share of {left} of the cases has such a member; few cases
have a predicted error at all.
"""

MISSED = """## Scrubbing, seed by seed

Cases that fail by loss though they should not. *Lose one token*: how many of them lose the token
that most of them lose. *Its unread bits*: entries by which this token takes half of a unit's level
or more, and which are no bits, for an untouched unit costs it less than ln 2 / 2 logits: the costs.
*One unit mends*: how many would not fail if the unit that mends most had its own value. *Uneven*:
standard deviation of the shares that non-bit entries take away in that unit.

| seed | recall | missed cases | lose one token | its unread bits | one unit mends | uneven |
|---|---|---|---|---|---|---|"""


if __name__ == "__main__":
    main()
