"""The head of docs/results/width.md, and what it says of each curve in few words."""

from collections.abc import Sequence
from dataclasses import dataclass

from relubloom.report.numbers import count, decimal, figure, percent, several
from width_law.curves import ASTRAY, Curve, LocalSlope
from width_law.fits import DECISIVE, FEWEST_WIDTHS, Law, LawFit
from width_law.rivals import Rivals

SHORT = """The columns: the law that is better by 4 or more in AICc, a point a width (Δ AICc: power
law less exponential); k times the rate of the exponential, with the 95 % interval from its misfit,
beside that of the best random code's exact error over the same widths; the median error over the
random code's at the widest width trained; the median error trained without the ReLU over that with
it, at the widest width of both; and where a law stops holding (saturated: over half the uniform
answer's error; soft: less than half of the error can be that of sets ranked wrongly; slow: it falls
less than half as fast as the random code's).
"""


@dataclass(frozen=True)
class Judged:
    """One curve of networks with a ReLU, and what it is measured against.

    Attributes:
        curve: the networks, sets of two tokens or more.
        fit: the laws; None with too few widths.
        random: the laws through the best random code's errors at the widths of `fit`.
        linear: the networks without a ReLU; None where none were trained.
        widest: rivals at the curve's widest width.
    """

    curve: Curve
    fit: LawFit | None
    random: LawFit | None
    linear: Curve | None
    widest: Rivals

    @property
    def over_random(self) -> float:
        """Median error over the best random code's, at the widest width."""
        return self.curve.points[-1].median / self.widest.random_mse

    @property
    def over_linear(self) -> tuple[int, float] | None:
        """The widest width of both, and the linear networks' median error over these networks'."""
        other = {} if self.linear is None else {p.width: p.median for p in self.linear.points}
        shared = [point for point in self.curve.points if point.width in other]
        if not shared:
            return None
        return shared[-1].width, other[shared[-1].width] / shared[-1].median


def short_section(judged: Sequence[Judged], trivial: bool) -> str:
    """What all curves say together, and a table with a row for each."""
    said = [_laws(judged), _speed(judged), _linear(judged), _astray(judged)]
    if trivial:
        said.append("Sets of one token (k = 1) need no union and are left out of the fits.")
    lines = [
        "## In short\n",
        " ".join(each for each in said if each) + "\n",
        SHORT,
        "| N | k | objective | seeds | better law | Δ AICc | k × rate | random code’s | "
        "error over the random code’s | without ReLU over with | stops holding |",
        "|" + "---|" * 11,
    ]
    return "\n".join([*lines, *map(_row, judged), ""])


def _laws(judged: Sequence[Judged]) -> str:
    groups = {
        kind: [each for each in judged if each.fit is not None and each.fit.favours == kind]
        for kind in ("exponential", "power law", "neither")
    }
    short = [each for each in judged if each.fit is None]
    texts = {
        "exponential": "an exponential fits the fall of the error with width clearly better than a "
        "power law at {}",
        "power law": "a power law fits it clearly better than an exponential at {}",
        "neither": "neither law fits clearly better at {}",
    }
    parts = [text.format(_names(groups[kind])) for kind, text in texts.items() if groups[kind]]
    if short:
        parts.append(f"too few widths for a law so far at {_names(short)}")
    said = "; ".join(parts)
    return f"{said[:1].upper()}{said[1:]}." if said else ""


def _names(judged: Sequence[Judged]) -> str:
    """Cells by name, the vocabulary said once, objectives of one set size together."""
    found: dict[int, dict[int, list[str]]] = {}
    for each in judged:
        cell = each.curve.cell
        found.setdefault(cell.vocab_size, {}).setdefault(cell.set_size, []).append(cell.objective)
    return ", and at ".join(
        f"N = {vocab}, "
        + ", ".join(f"k = {size} ({' and '.join(names)})" for size, names in sizes.items())
        for vocab, sizes in found.items()
    )


def _speed(judged: Sequence[Judged]) -> str:
    """Whether the networks' error falls as fast as a random code's."""
    pairs = [
        (each.fit.exponential, each.random.exponential.rate)
        for each in judged
        if each.fit is not None and each.random is not None
    ]
    if not pairs:
        return ""
    slower = [law for law, random in pairs if law.rate < random]
    clearly = [law for law, random in pairs if law.by_misfit[1] < random]
    faster = [law for law, random in pairs if law.by_misfit[0] > random]
    beyond = f" (beyond the misfit of the fit in {len(clearly)})" if slower else ""
    also = f", and faster beyond the misfit in {len(faster)}" if faster else ""
    return (
        f"The rate is under that of the best random code’s exact error over the same widths in "
        f"{len(slower)} of {several(len(pairs), 'fit')}{beyond}{also}."
    )


def _linear(judged: Sequence[Judged]) -> str:
    """What the ReLU is worth at the widest width."""
    found = [(each, each.over_linear[1]) for each in judged if each.over_linear is not None]
    larger = [each for each in found if each[1] > 1]
    smaller = [each for each in found if each[1] <= 1]
    said: list[str] = []
    for group, word in ((larger, "larger"), (smaller, "no larger")):
        if group:
            ends = dict.fromkeys(figure(each, 2) for each in sorted(ratio for _, ratio in group))
            first, last = next(iter(ends)), next(reversed(ends))
            times = f"{first} to {last}" if first != last else first
            where = _names([each for each, _ in group])
            said.append(f"{word} at {where} ({times} times)")
    if not said:
        return ""
    return f"At the widest width of both the error without a ReLU is {'; '.join(said)}."


def _astray(judged: Sequence[Judged]) -> str:
    """Seeds far worse than the others, over all widths with three or more."""
    points = [p for each in judged for p in each.curve.points if len(p.networks) > 2]
    if not points:
        return ""
    number = sum(len(point.astray) for point in points)
    networks = sum(len(point.networks) for point in points)
    worst = max(max(point.errors) / point.median for point in points if point.median)
    where = _names([each for each in judged if any(point.astray for point in each.curve.points)])
    return (
        f"{count(number) if number else 'None'} of {several(networks, 'network')} (widths with "
        f"three seeds or more) {'errs' if number == 1 else 'err'} more than {ASTRAY:g} times the "
        f"median of {'its' if number == 1 else 'their'} width"
        f"{f', at {where}' if number else ''}; the worst errs {figure(worst, 2)} times the median."
    )


def _row(judged: Judged) -> str:
    curve, fit, random, size = judged.curve, judged.fit, judged.random, judged.curve.cell.set_size
    cells = [
        f"{curve.cell.vocab_size}",
        f"{size}",
        curve.cell.objective,
        f"{min(len(point.networks) for point in curve.points)}",
    ]
    if fit is None:
        cells += ["too few widths", "–", "–"]
    else:
        low, high = (size * each for each in fit.exponential.by_misfit)
        cells += [
            fit.favours,
            f"{fit.delta_aicc:+.1f}",
            f"{size * fit.exponential.rate:.3f} [{low:.3f}, {high:.3f}]",
        ]
    cells.append("–" if random is None else f"{size * random.exponential.rate:.3f}")
    cells.append(f"× {figure(judged.over_random, 2)} (d = {judged.widest.width})")
    linear = judged.over_linear
    cells.append("–" if linear is None else f"× {figure(linear[1], 2)} (d = {linear[0]})")
    cells.append("; ".join(_stops(curve, random)) or "–")
    return "| " + " | ".join(cells) + " |"


def _stops(curve: Curve, random: LawFit | None) -> list[str]:
    """Where a law no longer holds, in a word each."""
    saturated = [point.width for point in curve.points if curve.is_saturated(point)]
    slow = [] if random is None else curve.slowing(random.exponential.rate, random.widths[0])
    astray = [point.width for point in curve.points if point.astray]
    found = [
        ("saturated", ", ".join(map(str, saturated))),
        ("soft", ", ".join(str(point.width) for point in curve.soft)),
        ("slow", _joined(slow)),
        ("a seed astray", ", ".join(map(str, astray))),
    ]
    return [f"{name} at {where}" for name, where in found if where]


def _joined(slopes: Sequence[LocalSlope]) -> str:
    """The widths that local slopes lie between, neighbours drawn together: 24–40, 56–72."""
    ends: list[list[int]] = []
    for each in slopes:
        if ends and ends[-1][1] == each.low:
            ends[-1][1] = each.high
        else:
            ends.append([each.low, each.high])
    return ", ".join(f"{low}–{high}" for low, high in ends)


def brief(curve: Curve, fit: LawFit | None, random: LawFit | None) -> str:
    """What the table of fits does not say of a curve of sets of two tokens or more."""
    if fit is None:
        widths = ", ".join(str(point.width) for point in curve.range) or "none"
        return (
            f"Too few widths for a law: {FEWEST_WIDTHS} or more are needed between saturation and "
            f"the noise of sampling, and there are these: {widths}."
        )
    said = [
        f"From width {fit.widths[0]} to {fit.widths[-1]} {_better(fit)}; {_falls(fit, random)}."
    ]
    if fit.random is not None:
        said.append(_power_of_random(fit, fit.random))
    slow = [] if random is None else curve.slowing(random.exponential.rate, random.widths[0])
    if slow:
        said.append(f"It falls less than half as fast as the random code’s at {_joined(slow)}.")
    if curve.soft:
        most = percent(max(point.failing_share for point in curve.soft), 0)
        where = ", ".join(str(point.width) for point in curve.soft)
        said.append(f"At width {where} sets ranked wrongly can make at most {most} of the error.")
    left = [str(point.width) for point in curve.points if point.width not in fit.widths]
    if left:
        said.append(f"Left out: {', '.join(left)}.")
    return " ".join(said)


def _better(fit: LawFit) -> str:
    return {
        "exponential": "an exponential fits better than a power law",
        "power law": "a power law fits better than an exponential",
        "neither": "neither law fits clearly better",
    }[fit.favours]


def _falls(fit: LawFit, random: LawFit | None) -> str:
    law = fit.exponential
    said = f"the exponential falls by a factor e every {figure(1 / law.rate)} units"
    if random is None:
        return said
    low, high = law.by_misfit
    rate = random.exponential.rate
    if low <= rate <= high:
        return f"{said}, as fast as a random code’s within the misfit"
    return f"{said}, {'faster' if rate < low else 'more slowly'} than a random code’s"


def _power_of_random(fit: LawFit, law: Law) -> str:
    """The line in the random code's own error, and whether it does better."""
    delta = fit.random_delta_aicc or 0.0
    verdict = "as well as"
    if abs(delta) >= DECISIVE:
        verdict = "better than" if delta > 0 else "worse than"
    low, high = law.by_seeds or law.by_misfit
    return (
        f"The random code’s error to a power of {decimal(law.rate, 2)} ({decimal(low, 2)} to "
        f"{decimal(high, 2)}) fits {verdict} the exponential."
    )
