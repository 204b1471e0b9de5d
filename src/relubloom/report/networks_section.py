"""Section 4: the trained network beside its own hash, the best random code, and the start."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from relubloom.code import Code
from relubloom.network.relu_net import ReluNet
from relubloom.report.charts.answers import draw_answer
from relubloom.report.contents import JsonObject, Run, block, read_weights
from relubloom.report.numbers import NONE, figure, percent, several
from relubloom.report.parts import Panel, Part, Section, Table, absent, listed, named, sentence
from relubloom.report.seeds_table import seeds_part
from relubloom.report.subject import Subject, exact_network, untrained_network
from relubloom.report.wording import scope_of_figures
from relubloom.task import KSparseTask

SHOWN = 6  # tokens in the figure
SAMPLE, SAMPLE_SCORES = (
    2000,
    4_000_000,
)  # sets, and (set, token) pairs, that judge untrained weights


@dataclass(frozen=True)
class _Network:
    """A network to compare: where it comes from, and its figures over the evaluation sets."""

    key: str
    name: str
    origin: str
    net: ReluNet
    figures: JsonObject | None
    bits: str


def networks_section(subject: Subject) -> Section:
    """The same set into every network at hand, then the figures of each."""
    heading = "One input, several networks"
    networks = _networks(subject)
    parts = (
        [_compared(subject, networks)] if len(networks) > 1 else [absent(ALONE, mount="networks")]
    )
    parts.append(seeds_part(subject.contents))
    return Section("networks", heading, tuple(parts), "The networks")


ALONE = (
    "The folder holds this network alone; a study shows beside it the exact network of its own "
    "hash, that of the best random code, and the random start."
)


def _compared(subject: Subject, networks: list[_Network]) -> Part:
    example = subject.example
    table = Table(
        ("network", "mse", "kl", "exact", "bits per token", "what it is"),
        tuple((each.name, *_cells(each), each.bits, each.origin) for each in networks),
        kind="wordy",
    )
    over = f"Errors are over {scope_of_figures(subject.run)}." if subject.run.behaviour else ""
    if example is None:
        return Part(text=(over,), mount="networks", tables=(table,))
    answers = {each.key: _answer(each.net, example.members) for each in networks}
    top = max(float(p.max()) for p in answers.values())
    tokens = example.ranked[:SHOWN]
    panels = tuple(
        Panel(
            each.name,
            draw_answer(
                f"answer-{each.key}",
                answers[each.key],
                tokens,
                example.members,
                top,
                subject.labels,
                f"Probabilities of the same tokens, {each.name}",
            ),
        )
        for each in networks
    )
    members = listed([named(subject.labels[token]) for token in example.members])
    lead = sentence(
        "The same set, {members}, put into each of them, and the same tokens shown on the same "
        "scale. The hash read off the trained network, made into an exact network, should answer "
        "as the trained one does; the best random code has false positives of its own, elsewhere.",
        members=members,
    )
    caption = (
        "Dashed: half of the largest probability, what a called token needs. Untrained weights "
        "answer nothing in particular."
    )
    return Part(
        text=(lead,),
        panels=panels,
        caption=caption,
        tables=(replace(table, note=over),),
        mount="networks",
        fallback=True,
    )


def _cells(each: _Network) -> tuple[str, str, str]:
    found = each.figures
    if found is None:
        return NONE, NONE, NONE
    return figure(found["mse"]), figure(found["kl"]), percent(found["p_exact"])


def _networks(subject: Subject) -> list[_Network]:
    run, code = subject.run, subject.weights.code
    mechanism = run.mechanism
    bits = _bits(mechanism)
    origin = "as the folder holds it" if run.recipe is None else "trained on the task"
    found = [_Network("own", subject.heading, origin, subject.weights.net, run.behaviour, bits)]
    if run.construction is None and isinstance(code, Code) and run.set_size is not None:
        net = exact_network(code, run.set_size)
        figures = block(mechanism, "extracted")
        said = "the hash read off its W_in, as an exact Bloom filter"
        found.append(_Network("extracted", "its own hash", said, net, figures, bits))
    built = subject.contents.constructed
    if built is not None:
        net = read_weights(built).net
        said = "a Bloom filter with the best random code"
        numbers = _bits(built.mechanism)
        found.append(_Network("constructed", "constructed", said, net, built.behaviour, numbers))
    if (start := untrained_network(subject)) is not None:
        figures, sets = _sampled_errors(start, run)
        said = "the weights before the first step"
        said += f"; errors over {several(sets, 'drawn set')}" if figures else ""
        found.append(_Network("untrained", "untrained", said, start, figures, NONE))
    return found


@torch.no_grad()
def _sampled_errors(net: ReluNet, run: Run) -> tuple[JsonObject | None, int]:
    """mse, kl and share of exact sets over some uniform sets; None where the task has others.

    The sets are drawn from a stream of their own, and their number.
    """
    size = run.task.get("set_size")
    if run.task.get("source") != "uniform" or not isinstance(size, int):
        return None, 0
    number = max(1, min(SAMPLE, SAMPLE_SCORES // net.vocab_size))
    drawn = KSparseTask(net.vocab_size, size).drawn_sets("report", number)
    sets = drawn.chunk(0, number)
    logits = net(sets).double()
    log_p = logits.log_softmax(1)
    target = torch.zeros_like(log_p).scatter_(1, sets, 1 / size)
    least = logits.gather(1, sets).amin(1)
    others = logits.scatter(1, sets, -torch.inf).amax(1)
    figures = {
        "mse": float((log_p.exp() - target).square().sum(1).mean()),
        "kl": float(-log_p.gather(1, sets).mean() - math.log(size)),
        "p_exact": float((least > others).double().mean()),
    }
    return figures, number


def _bits(mechanism: JsonObject | None) -> str:
    bits = block(mechanism, "bits_per_token")
    return NONE if bits is None else f"{bits['mean']:.1f} ± {bits['sd']:.1f}"


@torch.no_grad()
def _answer(net: ReluNet, members: tuple[int, ...]) -> NDArray[np.float64]:
    """All tokens' probabilities on one set, float64 [vocab]."""
    exact = ReluNet(*(value.detach().double() for value in net.parameters()))
    return exact(torch.tensor([members])).softmax(1)[0].numpy()
