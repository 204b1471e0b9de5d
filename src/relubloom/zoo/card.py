"""The card of a network, as Markdown: what is known of it, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relubloom.code import GradedCode
from relubloom.records.certificate import Certificate
from relubloom.zoo.catalogue import SET_SIZE, WHAT

if TYPE_CHECKING:
    from relubloom.zoo.figures import Figures
    from relubloom.zoo.known import KnownNetwork

SOURCES = {
    "uniform": "uniform: every set of {k} tokens alike",
    "zipf": "Zipf: token t with a mass of 1 / (t + 1), drawn one by one without replacement",
    "correlated": "correlated: half of the sets are of one topic, 16 neighbouring tokens; the "
    "others are any {k} tokens",
}


def card_of(known: KnownNetwork, figures: Figures) -> str:
    """The whole card; its certificate is made where it is not there."""
    entry = known.entry
    what = WHAT[entry.kind]
    return "\n".join(
        [
            f"# {known.name}",
            "",
            f"Version {known.version}, seed {known.seed}. {what[0].upper()}{what[1:]}.",
            "",
            f"- {entry.vocab_size} tokens, {entry.width} units ({entry.tokens_per_unit:.1f} tokens "
            f"a unit), sets of {SET_SIZE}.",
            f"- Sets are {SOURCES[entry.source].format(k=SET_SIZE)}.",
            "",
            "## What is known, and how",
            "",
            *(f"- {line}" for line in _known(known, figures)),
            f"- {_certified(known.certificate)}",
            f"- Measured on {figures.sets:,} drawn sets: verdict `{figures.verdict}`"
            f"{f', reading `{figures.reading}`' if figures.reading else ''}; units "
            f"agree with the code that is read off the network on {figures.agreement:.2%}.",
            "",
            "## Does it compute in superposition?",
            "",
            *_criteria(known, figures),
            "",
            "## Noise on the hidden layer",
            "",
            *_noise(known, figures),
            "",
        ]
    )


def _known(known: KnownNetwork, figures: Figures) -> list[str]:
    """What is known of the units, and why it is true."""
    code, kind = known.code, known.kind
    if kind == "nearly-linear":
        return [
            f"No unit is 0 on any set of at most {SET_SIZE} tokens: the input biases are raised "
            "until that is so, and the output biases take it back. So the logits are linear in the "
            "set, and there is no code to find (`code` is None)."
        ]
    if kind.startswith("planted"):
        function = "at least two" if kind == "planted-majority" else "an odd number"
        return [
            f"{figures.computations} functions are planted, each 1 where {function} of a set's "
            "tokens have its bit. Weights are whole numbers, so this is exact on every set.",
            "`code` says which tokens each unit counts. It is no Bloom filter: a unit is not 0 "
            "where one of its tokens is in the set.",
        ]
    assert code is not None
    bits = f"{code.weights.mean():.2f} bits a token"
    if isinstance(code, GradedCode):
        half = (code.weights - code.of_strength(code.levels)).mean()
        bits += f", {half:.2f} of them half bits"
    if kind.startswith("constructed"):
        does = (
            "Each unit is off just where its tokens cover it, and each missing bit costs the same"
        )
        if isinstance(code, GradedCode):
            does = "Each unit is untouched, leaking or covered just as its tokens' strengths say"
        return [f"The weights were made from `code` ({bits}). {does}: by arithmetic, on every set."]
    agreement = [unit.agreement for unit in known.meaning if unit.agreement is not None]
    return [
        f"`code` is read off the trained weights ({bits}). It is not planted, so nothing proves "
        "it; what says that it is right is measured.",
        f"A unit is 0 just where its tokens cover it on {sum(agreement) / len(agreement):.2%} of "
        f"the pairs of a set and a unit, and on {min(agreement):.2%} for the worst unit.",
    ]


def _certified(certificate: Certificate) -> str:
    sets = f"{certificate.sets:,} sets of {certificate.set_size}"
    right = f"{certificate.p_exact.written('.4%')} of the {sets} ranked exactly, "
    right += f"mse {certificate.mse.written('.3g')}"
    if certificate.confidence is not None:
        return f"Estimated by a sample, no proof ({certificate.confidence:.1%} each): {right}."
    return f"Proved over all sets, by {certificate.method}: {right}."


def _criteria(known: KnownNetwork, figures: Figures) -> list[str]:
    """The two questions of https://github.com/goodfire-ai/spd/issues/20."""
    ratio = figures.computations / figures.neurons
    planted = known.kind.startswith("planted")
    what = "functions" if planted else "tokens"
    lines = [
        "More computations than neurons, and less error than without that?",
        "",
        "| figure | value |",
        "|---|---|",
        f"| computations (distinct {what} that are not linear in the set) | "
        f"{figures.computations} |",
        f"| neurons | {figures.neurons} |",
        f"| computations a neuron | {ratio:.2f} |",
        f"| error | {figures.error:.4g} |",
    ]
    if figures.naive_error is not None:
        naive = "error of as many tokens as neurons, the others unknown"
        lines.append(f"| {naive} | {figures.naive_error:.4g} |")
    linear = "best affine map" if planted else f"`{known.entry.linear.name}`"
    lines += [
        f"| error without a ReLU ({linear}) | {figures.linear_error:.4g} |",
        f"| {what} with less error than without a ReLU | {figures.better} |",
    ]
    return lines


def _noise(known: KnownNetwork, figures: Figures) -> list[str]:
    right = "functions read rightly" if known.kind.startswith("planted") else "sets ranked exactly"
    return [
        "Normal noise on each unit after the ReLU, in shares of the unit's own standard deviation.",
        "",
        f"| noise | {right} | error |",
        "|---|---|---|",
        *(f"| {row.noise:g} | {row.right:.2%} | {row.error:.4g} |" for row in figures.noise),
    ]
