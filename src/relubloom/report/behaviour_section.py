"""Section 5: what the network answers, seen from outside, and what its own hash predicts."""

from __future__ import annotations

from typing import Any

import numpy as np

from relubloom.report.charts.evidence import draw_tokens
from relubloom.report.charts.series import Axis, Series, draw_series
from relubloom.report.contents import JsonObject, block, lacking, rows_of
from relubloom.report.numbers import count, decimal, figure, optional, percent, several
from relubloom.report.parts import Panel, Part, Section, Table, absent, named, sentence
from relubloom.report.sizes_part import sizes_part
from relubloom.report.subject import Subject
from relubloom.report.wording import scope_of_figures, sizes_in_words

MANY = 4  # the last class of the counts: so many false positives or more
MOSTLY, HARDLY = 0.95, 0.5  # shares from which on, and up to which, a law holds or does not
WORST = 6  # rows of a table of the worst
UNKNOWN = (
    "The network was not examined, so its behaviour is not known; `relubloom examine` measures it."
)


def behaviour_section(subject: Subject) -> Section:
    """Everything that can be said of the network without opening it."""
    behaviour = subject.run.behaviour
    if behaviour is None:
        parts: tuple[Part, ...] = (absent(UNKNOWN),)
    else:
        parts = (
            _predicted(subject, behaviour),
            _one_sided(subject, behaviour),
            sizes_part(behaviour, sizes_in_words(subject.run.task)),
            _again(behaviour),
            _confused(subject, behaviour),
        )
    return Section("behaviour", "How it behaves", parts, short="Behaviour")


def _predicted(subject: Subject, behaviour: JsonObject) -> Part:
    heading = "False positives, predicted and measured"
    found = block(behaviour, "false_positives")
    if found is None:
        missing = lacking(behaviour, "false_positives", "count of false positives")
        return absent(missing, heading)
    theory = found.get("theory_mean")
    rival = "" if theory is None else f" The best random code would have {figure(theory)}."
    alike = found.get("correlation")
    said = (
        f"On average over {scope_of_figures(subject.run)} the network calls "
        f"{figure(found['network_mean'])} tokens a set that were not put in, and its hash, read as "
        f"a textbook Bloom filter, predicts {figure(found['code_mean'])}.{rival}"
    )
    if alike is not None:
        said += f" Set by set the two numbers correlate at {decimal(alike)}."
    drawn = (_counts_panel(found["by_count"]), _tokens_panel(behaviour))
    return Part(heading, (said,), panels=tuple(panel for panel in drawn if panel is not None))


def _counts_panel(rows: list[JsonObject]) -> Panel | None:
    """None where no set has a false positive, of the network or of the hash."""
    if not any(row["network"] or row["code"] for row in rows if row["count"]):
        return None
    x = [float(row["count"]) for row in rows]
    series = [
        Series("network", "network", x, [row["network"] for row in rows]),
        Series("its hash", "code", x, [row["code"] for row in rows]),
    ]
    marks = {value: f"{value:g}" + (" or more" if value == MANY else "") for value in x}
    axis = Axis("false positives on a set", "share of sets (log scale)", log=True, marks=marks)
    drawn = draw_series(
        "false-positives",
        "Share of sets by number of false positives, of the network and as its hash predicts",
        series,
        axis,
    )
    return Panel("How many a set", drawn, "A share of 0 has no place on a log scale and no mark.")


def _tokens_panel(behaviour: JsonObject) -> Panel | None:
    """None where the rates are not listed, as for large vocabularies, or are all 0."""
    tokens = block(behaviour, "tokens")
    if tokens is None or not any(tokens.get("false_positive_rate") or []):
        return None
    drawn = draw_tokens(
        "false-positives-by-token",
        "Each token a dot: false positive rate as its hash predicts against that of the network",
        np.array(tokens["code_false_positive_rate"]),
        np.array(tokens["false_positive_rate"]),
        ("predicted by the hash (% of sets without it)", "the network calls it (%)"),
    )
    alike = tokens.get("correlation")
    said = "" if alike is None else f"Over the tokens the two rates correlate at {decimal(alike)}. "
    return Panel("Which tokens", drawn, f"{said}On the dashed line the prediction is exact.")


def _one_sided(subject: Subject, behaviour: JsonObject) -> Part:
    misses, extra = behaviour["miss_share"], behaviour["false_positive_share"]
    calls = block(behaviour, "calls")
    both = None if calls is None else calls.get("sets_with_both")
    if behaviour["one_sided"]:
        verdict = "The errors are one-sided, as a Bloom filter’s are:"
    elif extra == 0 and misses == 0:
        verdict = "There are no errors to have a side:"
    elif extra > 10 * misses:
        verdict = "The errors are nearly one-sided:"
    else:
        verdict = "The errors are not one-sided, where a Bloom filter’s would be:"
    said = (
        f"{verdict} {_share(extra)} of the sets have a token called that was not put in, "
        f"{_share(misses)} a member that is not called"
    )
    said += "." if not both else f", {percent(both)} both."
    mass = block(behaviour, "member_mass")
    if mass is None:
        return Part("One-sided?", (said,))
    even = mass["uniformity"]
    spread = (
        f"Together the members hold {percent(mass['mean'])} of the probability on average, and "
        f"{percent(mass['least'])} where they hold least. They share it nearly as evenly as they "
        f"should: the least member has {percent(even['mean'])} of an even share on average, and "
        f"{percent(even['least'])} in the worst case."
    )
    if even["mean"] < 0.9:
        spread = spread.replace("nearly as evenly as they should", "unevenly")
    return Part("One-sided?", (said, spread))


def _share(value: float) -> str:
    return "none" if value == 0 else percent(value)


def _again(behaviour: JsonObject) -> Part:
    heading = "The same token twice, one token more"
    twice, growth = block(behaviour, "repeated_token"), block(behaviour, "growth")
    text: list[str] = []
    if twice is not None:
        text.append(_twice(twice))
    if growth is not None:
        text.append(_growth(growth))
    if not text:
        missing = lacking(behaviour, "growth", "test of repeated or added tokens")
        return absent(missing, heading)
    panels = _growth_panels(growth) if growth is not None else ()
    return Part(heading, tuple(text), panels=panels)


def _twice(twice: JsonObject) -> str:
    change, same = twice["logit_change"], twice["same_calls"]
    verdict = (
        "Here it is as indifferent as a union."
        if same >= MOSTLY
        else "Here it is no union: it counts."
        if same <= HARDLY
        else "Here it is a union only in part."
    )
    return (
        "A union does not care how often a token is put in; a network adds its row twice. On "
        f"{several(twice['sets'], 'set')} with one member doubled, {percent(same)} call the same "
        f"tokens as before, and {_share(twice['lost_members'])} lose a member. The "
        f"log-probabilities of called tokens move by {figure(change['median'])} in the median and "
        f"{figure(change['p95'])} in one case of twenty. {verdict}"
    )


def _growth(growth: JsonObject) -> str:
    kept = growth["kept_false_positives"]
    stay = "" if kept is None else f", and {percent(kept)} of the false positives stay called"
    return (
        "A Bloom filter never forgets: what it calls it still calls after one more token. In "
        f"{several(growth['sequences'], 'sequence')} of up to {growth['steps']} tokens, every "
        f"member is called after {percent(growth['kept_members'])} of the additions{stay}; a code "
        "keeps all of both."
    )


def _growth_panels(growth: JsonObject) -> tuple[Panel, ...]:
    rows = rows_of(growth, "by_size")
    x = [float(row["set_size"]) for row in rows]
    wrong = [
        Series("network", "network", x, [row["false_positives"] for row in rows]),
        Series("its hash", "code", x, [row["code_false_positives"] for row in rows]),
    ]
    kept = [Series("network", "network", x, [100 * row["members_called"] for row in rows])]
    return (
        Panel(
            "False positives as tokens are added",
            draw_series(
                "growth-false-positives",
                "Mean number of false positives by number of tokens put in",
                wrong,
                Axis("tokens put in so far", "mean per set (log scale)", log=True),
            ),
        ),
        Panel(
            "Members that are called",
            draw_series(
                "growth-members",
                "Share of members called by number of tokens put in",
                kept,
                Axis("tokens put in so far", "members called (%)", top=100.0),
            ),
        ),
    )


def _confused(subject: Subject, behaviour: JsonObject) -> Part:
    heading = "Which token is taken for which"
    found = block(behaviour, "confusion")
    if found is None:
        return absent(lacking(behaviour, "confusion", "count of confused tokens"), heading)
    pairs = [row for row in rows_of(found, "pairs") if row["called"] > 0][:WORST]
    if not pairs:
        return Part(heading, ("On the sets looked at no token is called that was not put in.",))
    alike = found.get("correlation")
    said = (
        f"The pairs that are confused most, over {_scope(found)}: how often a token is called on "
        "the sets that hold the other and not it, and how often its hash is covered there."
    )
    if alike is not None:
        said += f" Over all pairs the two shares correlate at {decimal(alike)}."
    rows = tuple(
        (
            sentence(
                "{token} with {other}",
                token=named(subject.labels[row["token"]]),
                other=named(subject.labels[row["with"]]),
            ),
            count(row["sets"]),
            percent(row["called"]),
            optional(row.get("code"), percent),
        )
        for row in pairs
    )
    headings = ("called, though only the other is in", "such sets", "called", "covered")
    return Part(heading, (said,), tables=(Table(headings, rows),))


def _scope(found: JsonObject) -> str:
    how: dict[Any, str] = {"all": "all ", "drawn": "", "held-out": ""}
    said = f"{how.get(found.get('method'), '')}{several(found.get('sets', 0), 'set')}"
    return said + (" drawn at random" if found.get("method") == "drawn" else "")
