"""Section 2: one set in, one token too many out, and every step between."""

from __future__ import annotations

from markupsafe import Markup

from relubloom.code import Code
from relubloom.report.charts.answers import Example, draw_example
from relubloom.report.charts.weights import shortened
from relubloom.report.numbers import several
from relubloom.report.parts import Panel, Part, Section, absent, listed, named, sentence
from relubloom.report.subject import Subject

READING = (
    "Give every token a *hash*: a few of the {width} hidden units, its bits. To store a set, keep "
    "only the *union* of its tokens’ hashes: which units are a bit of at least one of them. To ask "
    "whether a token is in the set, look whether all its bits lie in the union. A member always "
    "passes. A token that was never put in passes too when the others happen to cover all its "
    "bits: a *false positive*. That is a Bloom filter."
)
NETWORK = (
    "In the network, a strongly negative entry of W_in is a bit: one token that has it pushes the "
    "unit down to 0. So the units that stay on are those outside the union, and each of them "
    "lowers the score of every token that has its bit. Tokens with no bit missing keep the top "
    "score and share the probability."
)


def hero_section(subject: Subject) -> Section:
    """The worked example, or the reading alone where there is none to show."""
    example, code = subject.example, subject.weights.code
    reading = Part(text=(_emphasised(READING.format(width=subject.width)), NETWORK))
    heading: str = "How to read a ReLU network as a Bloom filter"
    if example is None or not isinstance(code, Code):
        shown = absent(_why_none(subject), mount="hero")
    else:
        shown = _worked(subject, example, code)
        if example.called:
            name = named(subject.labels[example.false_positive])
            heading = sentence("{name} was never put in. Here is why it comes out", name=name)
    return Section("example", heading, (reading, shown), "A false positive")


def _worked(subject: Subject, example: Example, code: Code) -> Part:
    labels = subject.labels
    members = listed([named(labels[token]) for token in example.members])
    extra = named(labels[example.false_positive])
    p = [f"{example.p[token]:.3f}" for token in example.members]
    put_in, probed = (
        [shortened(labels[token]) for token in tokens]
        for tokens in (example.members, (example.false_positive,))
    )
    drawn = draw_example(
        example,
        code,
        subject.order,
        labels,
        f"Hashes of {', '.join(put_in)}; their union; the hidden units; the hash of {probed[0]}, "
        "every bit of which lies in the union; and the probabilities that the network answers",
    )
    caption = sentence(
        "Put in {members}. Squares are their bits, and the grey row is the union. The units that "
        "the network leaves on (bars) are the others. Every bit of {extra} (discs) lies in the "
        "union, so {so}. The network gives the {who} {p}, and {extra} {false}. The dashed line is "
        "half of the largest probability, what a token needs to count as called.",
        members=members,
        extra=extra,
        so="nothing speaks against it"
        if example.called
        else "the hash takes it for a member, where the network does not",
        who="member" if len(p) == 1 else "members",
        p=", ".join(p),
        false=f"{example.p[example.false_positive]:.3f}",
    )
    return Part(panels=(Panel("", drawn),), caption=caption, mount="hero", fallback=True)


def _why_none(subject: Subject) -> str:
    if subject.weights.code is None:
        return "The folder holds no extracted hash, so no example is worked through here."
    if subject.run.set_size is None:
        return "The folder does not say its set size, so no example is worked through here."
    return (
        "No example is worked through here: among the random sets that were looked through, none "
        f"of a size that can be drawn gives the hash of {several(subject.width, 'unit')} exactly "
        "one false positive."
    )


def _emphasised(text: str) -> Markup:
    """`*word*` as the place where a word is defined."""
    parts = text.split("*")
    return Markup("").join(
        Markup("<dfn>{}</dfn>").format(part) if index % 2 else part
        for index, part in enumerate(parts)
    )
