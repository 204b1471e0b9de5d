"""Section 8: what holds over all sets, and how that is known."""

from __future__ import annotations

from relubloom.report.contents import JsonObject
from relubloom.report.numbers import count, figure, percent, several
from relubloom.report.parts import Part, Section, Table, absent
from relubloom.report.subject import Subject

METHODS = {
    "enumeration": "by evaluating every one of them",
    "counting": "by counting, from the law of the code",
    "bounds": "by bounds, without evaluating each",
    "sampled": "by a sample, which is no proof",
}


def proof_section(subject: Subject) -> Section:
    """The certificate, with the method named."""
    found = subject.run.certificate
    heading = "Proof over all sets"
    if found is None:
        behaviour = subject.run.behaviour or {}
        if behaviour.get("method") == "all":
            sentence = (
                f"All {several(behaviour['sets'], 'set')} were evaluated in float64, and "
                f"{percent(behaviour['p_exact'])} of them are exactly right. What rounding may "
                "change in that, a certificate bounds; `relubloom certify` makes one."
            )
        else:
            sentence = (
                "The folder holds no certificate, so nothing here is claimed of sets that were not "
                "evaluated; `relubloom certify` makes one."
            )
        return Section("proof", heading, (absent(sentence, mount="proof"),), "Proof")
    if found["method"] == "sampled":
        heading = "A sample of all sets"
    part = Part(text=(exact_sentence(found), _reasons(found)), tables=(_table(found),))
    return Section("proof", heading, (part, Part(mount="proof")), "Proof")


def exact_sentence(found: JsonObject) -> str:
    """How many of all sets are exactly right."""
    sets = f"Of all {several(found['sets'], 'set')}{_sizes(found)}"
    exact = found["exact_sets"]
    low, high = found["exact_sets_bounds"]
    right = (
        f"between {count(low)} and {count(high)} are" if exact is None else f"{count(exact)} are"
    )
    if exact == found["sets"]:
        right = "every one is"
    method = METHODS.get(found["method"], f"by {found['method']}")
    return f"{sets}, {right} exactly right, {method}."


def _sizes(found: JsonObject) -> str:
    size = found.get("set_size")
    return "" if size is None else f" of {size} tokens"


def _reasons(found: JsonObject) -> str:
    said = f"How it is known: {found['reasons']}." if found.get("reasons") else ""
    undecided = found.get("undecided_sets")
    if undecided:
        said += (
            f" On {several(undecided, 'set')} the margin lies within the rounding error: they are "
            "undecided and widen the interval."
        )
    elif undecided == 0:
        said += " No set is undecided: nothing was rounded into a count."
    return said.strip()


def _table(found: JsonObject) -> Table:
    false_positives = found["false_positives"]
    low, high = found["exact_sets_bounds"]
    rows = [
        ("exact sets", _from_to(count(low), count(high))),
        ("share of exact sets", _interval(found["p_exact"], share=True)),
        ("mse", _interval(found["mse"])),
        ("false positives per set", _interval(false_positives["mean"])),
    ]
    if false_positives.get("total") is not None:
        rows.append(("false positives in all", count(false_positives["total"])))
    if found.get("confidence") is not None:
        rows.append(("confidence of the intervals", percent(found["confidence"])))
    if found.get("seconds") is not None:
        rows.append(("time it took", f"{figure(found['seconds'])} s"))
    return Table(("over all sets", found["method"]), tuple(rows), kind="facts")


def _interval(ends: JsonObject, *, share: bool = False) -> str:
    lower, upper = ends["lower"], ends["upper"]
    if share:
        return _from_to(percent(lower, 4), percent(upper, 4))
    return _from_to(figure(lower, 6), figure(upper, 6))


def _from_to(low: str, high: str) -> str:
    """One number where both ends are written alike."""
    return low if low == high else f"{low} to {high}"
