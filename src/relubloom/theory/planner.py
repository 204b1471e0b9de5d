"""The planner: from two of vocabulary, set size and error, the width; or the error of a width."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any, ClassVar

from relubloom.errors import UsageError, described
from relubloom.shown import Shown
from relubloom.theory.arguments import check_set_size, check_sizes
from relubloom.theory.bounds import (
    counting_bound,
    counting_width,
    disjunct_bound,
    random_readout_capacity,
    readout_capacity,
    width_rule,
)
from relubloom.theory.cover import Expectations
from relubloom.theory.graded import GradedExpectations, best_graded_weights
from relubloom.theory.kautz_singleton import kautz_singleton
from relubloom.theory.plan_families import (
    FamilyRow,
    Goal,
    best_constant_weight,
    family_rows,
    figures,
    likely_width,
)

SMALLEST_MSE = 1e-200  # below, the exact laws run into the underflow of floats
UNDERFLOW = 1e-230  # smaller errors are shown as 0, or with fewer digits
WIDEST = 50_000  # units; the exact laws take tens of seconds there
GRADED_WIDEST = 200  # units up to which a plan has the graded law
FLOAT32 = 4  # bytes
NARROW_MSE, TRIED_MSE = 0.01, 0.004  # of the best random code, at a width for Bloom filters
CLASS_SET_SIZE, CLASS_TOKENS = 3, (40, 64)  # sizes of preset `class`: docs/results/class.md
CLASS_WIDTHS = {40: 34, 64: 36}  # its units for up to so many tokens
CLASS_NARROW = 30  # units below which none of them was seen to become a Bloom filter
NARROW, BORDERLINE = 6, 10  # widths per set_size token: what training on N = 1000 suggests
FAMILY_COLUMNS = ("family", "width", "weight", "E[F]", "FPR", "P_exact", "mse", "kl", "method")


@dataclass(frozen=True)
class PlanBounds:
    """What no binary hidden layer can beat, and what a readout can do.

    Attributes:
        counting_p_exact: upper bound on P_exact at the plan's width.
        counting_width: least width for the plan's P_exact, units, not rounded.
        counting_width_all_sets: the same for P_exact = 1.
        disjunct_width: no code below this width is free of false positives on every set.
        readout_set_size: largest set size for which some readout can name every set.
        random_readout_set_size: about the set size up to which a random one names most; None
            where the width is not below the vocabulary.
        width_rule: rule of thumb for the plan's error, units; None where it says nothing.
    """

    counting_p_exact: float
    counting_width: float
    counting_width_all_sets: float
    disjunct_width: int
    readout_set_size: int
    random_readout_set_size: float | None
    width_rule: float | None


@dataclass(frozen=True, repr=False)
class Plan(Shown):
    """A width and what a random constant-weight code of that width does.

    Attributes:
        vocab_size, set_size, width, weight: sizes; `weight` makes the mse least (P(F > 0) where
            the plan is for p_exact).
        false_positives, fpr, p_exact, mse, kl: means as in `Expectations`, kl in nats.
        counting_bound: least width, units, of any binary hidden layer with this P_exact.
        given: the name of the quantity that was given, with `given_value`.
        families: every family, solved for the same goal.
        graded: the best random graded code at the plan's width (`best_graded_weights`, by what the
            plan is about); None above 200 units, where its exact law takes seconds.
        bounds: see `PlanBounds`.
        parameters: numbers in the network, 2 N d + N + d.
        bytes_float32: their size in float32.
        believable: whether the width is at least 6 units per token of a set.
        notes: sentences for the reader.
    """

    MAIN: ClassVar[tuple[str, ...]] = (
        *("vocab_size", "set_size", "width", "weight", "mse", "p_exact"),
        *("false_positives", "counting_bound"),
    )

    vocab_size: int
    set_size: int
    width: int
    weight: int
    false_positives: float
    fpr: float
    p_exact: float
    mse: float
    kl: float
    counting_bound: float
    given: str
    given_value: float
    families: tuple[FamilyRow, ...]
    graded: GradedExpectations | None
    bounds: PlanBounds
    parameters: int
    bytes_float32: int
    believable: bool
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The plan as plain JSON types: no infinities, no NaN."""
        return asdict(self)

    def _table(self) -> list[tuple[str, ...]]:
        return [FAMILY_COLUMNS, *family_table(self)]


def plan(
    vocab_size: int,
    set_size: int,
    *,
    width: int | None = None,
    mse: float | None = None,
    p_exact: float | None = None,
) -> Plan:
    """Solve for the width from an error, or for the errors from a width; exact laws throughout.

    Exactly one of `width`, `mse` (mean squared error, at infinite sharpness) and `p_exact` (share
    of sets answered exactly). Each family's width is the smallest that meets the goal, in the
    sense of `smallest_width`: it does, and the three widths below it do not. (For constant weight
    E[F] is monotone in the width, by coupling; the mse and P_exact were in every case tried.)

    Cost: well under 2 s for vocab_size up to 10^7 at widths up to about 1000.

    Raises:
        UsageError: not exactly one goal; a goal that no random family reaches (mse <= 0,
            p_exact >= 1) or that asks nothing (mse >= 1, p_exact <= 0); sizes that do not exist;
            a width above 50,000.
    """
    vocab_size, set_size = check_set_size(vocab_size, set_size)
    goal, given, value = _goal(vocab_size, set_size, width, mse, p_exact)
    _check_width(goal)
    best = best_constant_weight(goal)
    parameters = 2 * vocab_size * best.width + vocab_size + best.width
    return Plan(
        vocab_size=vocab_size,
        set_size=set_size,
        width=best.width,
        weight=best.weight,
        **figures(best),
        counting_bound=counting_width(vocab_size, set_size, best.p_exact),
        given=given,
        given_value=value,
        families=family_rows(goal, best),
        graded=best_graded_weights(vocab_size, best.width, set_size, goal.by)
        if best.width <= GRADED_WIDEST
        else None,
        bounds=_bounds(goal, best),
        parameters=parameters,
        bytes_float32=FLOAT32 * parameters,
        believable=best.width >= NARROW * set_size,
        notes=_notes(best),
    )


def class_width(vocab_size: int, set_size: int) -> int | None:
    """Units with which networks of so few tokens, trained as preset `class`, came out as Bloom
    filters; None for sizes that were not tried."""
    if set_size != CLASS_SET_SIZE:
        return None
    return next((units for most, units in CLASS_WIDTHS.items() if vocab_size <= most), None)


def narrow_below(vocab_size: int, set_size: int) -> int:
    """The width below which no trained network was seen to become a Bloom filter.

    That is `plan(..., mse=0.01).width`: the least at which the best random code errs so little.
    Below it training finds answers that err less than such codes, and are none. Where
    `class_width` knows the sizes it is 30. Cost: well under a second.

    Raises:
        UsageError: sizes that do not exist, or that need more than 50,000 units.
    """
    known = class_width(vocab_size, set_size)
    return CLASS_NARROW if known else _width_for(vocab_size, set_size, NARROW_MSE)


def width_to_try(vocab_size: int, set_size: int) -> int:
    """The width to try for a Bloom filter: `class_width`, else `plan(..., mse=0.004).width`.

    The latter is no promise: trained there for sets of 3, of 4 seeds each, 2 became one at 100
    tokens (2 partly). Raises and costs as `narrow_below`.
    """
    return class_width(vocab_size, set_size) or _width_for(vocab_size, set_size, TRIED_MSE)


def _width_for(vocab_size: int, set_size: int, mse: float) -> int:
    vocab_size, set_size = check_set_size(vocab_size, set_size)
    goal = Goal(vocab_size, set_size, "mse", target=mse)
    _check_width(goal)
    return best_constant_weight(goal).width


def family_table(plan: Plan) -> list[tuple[str, ...]]:
    """One row of text per family, in the order of `FAMILY_COLUMNS`; "-" for no figure."""
    rows = [
        (
            row.family,
            str(row.width),
            *map(_figure, (row.weight, row.false_positives, row.fpr)),
            _share(row.p_exact),
            *map(_figure, (row.mse, row.kl)),
            row.method,
        )
        for row in plan.families
    ]
    if plan.graded is not None:
        found = plan.graded
        weights = f"{found.half} half + {found.full}"
        errors = map(_figure, (found.false_positives, found.fpr))
        losses = map(_figure, (found.mse, found.kl))
        share = _share(found.p_exact)
        rows.append(("graded", str(found.width), weights, *errors, share, *losses, "exact"))
    return rows


def bounds_table(plan: Plan) -> list[tuple[str, str]]:
    """Bounds and sizes of the plan as (what, value) pairs of text."""
    bounds = plan.bounds
    return [
        ("counting: least width for this P_exact", f"{bounds.counting_width:.1f}"),
        ("counting: least width for every set", f"{bounds.counting_width_all_sets:.1f}"),
        ("counting: P_exact at this width at most", _share(bounds.counting_p_exact)),
        ("no disjunct code below width", str(bounds.disjunct_width)),
        ("readout: every set up to set_size", str(bounds.readout_set_size)),
        ("random readout: most sets up to set_size", _figure(bounds.random_readout_set_size)),
        ("rule of thumb for the width", _figure(bounds.width_rule)),
        ("parameters of the network", f"{plan.parameters:,}"),
        ("bytes in float32", f"{plan.bytes_float32:,}"),
    ]


def family_notes(plan: Plan) -> list[str]:
    """The families' remarks, one line each."""
    return [f"{row.family}: {row.note}" for row in plan.families if row.note]


def _goal(
    vocab_size: int, set_size: int, width: int | None, mse: float | None, p_exact: float | None
) -> tuple[Goal, str, float]:
    goals = {"width": width, "mse": mse, "p_exact": p_exact}
    named = {name: value for name, value in goals.items() if value is not None}
    if len(named) != 1:
        raise UsageError(
            f"the plan got {' and '.join(named) or 'no goal'}: it takes exactly one of width, mse "
            "and p_exact; give one of them"
        )
    ((name, value),) = named.items()
    if width is not None:
        _, width, _ = check_sizes(vocab_size, width, set_size)
        return Goal(vocab_size, set_size, "mse", width=width), name, width
    _check_target(vocab_size, set_size, name, value)
    value = float(value)  # NumPy's are none of JSON's
    if name == "mse":
        return Goal(vocab_size, set_size, "mse", target=value), name, value
    return Goal(vocab_size, set_size, "p_exact", target=1 - value), name, value


def _check_target(vocab_size: int, set_size: int, name: str, value: float) -> None:
    """Refuse what is no number, and an error that no random code reaches."""
    if not isinstance(value, Real):
        raise UsageError(f"{name} is {described(value)}: it must be a number; give such as 1e-3")
    within = 0 < value < 1
    if within and (name != "mse" or value >= SMALLEST_MSE):
        return
    disjunct = min(vocab_size, kautz_singleton(vocab_size, set_size).width)
    certain = f"ask for less, or use a disjunct code of {disjunct} units, which makes no error"
    if within:
        raise UsageError(f"mse is {value}: the exact laws hold down to {SMALLEST_MSE}; {certain}")
    what, perfect = ("error", 0) if name == "mse" else ("share of the sets", 1)
    raise UsageError(
        f"{name} is {value}: a random code reaches any {what} strictly between 0 and 1; "
        f"{certain if value == perfect else 'give a number between 0 and 1'}"
    )


def _check_width(goal: Goal) -> None:
    """Refuse a plan whose exact laws would take minutes."""
    width = goal.width or likely_width(goal)
    if width > WIDEST:
        raise UsageError(
            f"the plan is for about {width} units: the exact laws are offered up to {WIDEST}; "
            "use width_rule for an estimate, or smaller sets"
        )


def _bounds(goal: Goal, best: Expectations) -> PlanBounds:
    vocab_size, width, set_size = best.vocab_size, best.width, best.set_size
    aim = {"mse": best.mse} if goal.by == "mse" else {"p_exact": best.p_exact}
    (error,) = aim.values()
    random_readout = random_readout_capacity(vocab_size, width)
    return PlanBounds(
        counting_p_exact=counting_bound(vocab_size, width, set_size),
        counting_width=counting_width(vocab_size, set_size, best.p_exact),
        counting_width_all_sets=counting_width(vocab_size, set_size),
        disjunct_width=disjunct_bound(vocab_size, set_size),
        readout_set_size=readout_capacity(vocab_size, width),
        random_readout_set_size=random_readout if math.isfinite(random_readout) else None,
        width_rule=width_rule(vocab_size, set_size, **aim) if 0 < error < 1 else None,
    )


def _notes(best: Expectations) -> tuple[str, ...]:
    width, set_size, vocab_size = best.width, best.set_size, best.vocab_size
    notes: list[str] = []
    if best.mse < UNDERFLOW and vocab_size > set_size:
        notes.append(
            f"at width {width} the error is below {UNDERFLOW}, where floats lose it: take it as 0"
        )
    if set_size <= 2:
        notes.append(
            f"set_size is {set_size}: plain linear superposition with a softmax does as well "
            "here; the case for a Bloom filter starts at set_size 3"
        )
    if width < BORDERLINE * set_size:
        sure = "is not believable" if width < NARROW * set_size else "may not be believable"
        notes.append(
            f"width {width} is {width / set_size:.1f} units per token of a set: below about "
            f"{NARROW} to {BORDERLINE} a trained network need not binarise, so the plan {sure} "
            "for training (a constructed network keeps to it)"
        )
    if width >= vocab_size:
        notes.append(
            f"width {width} is not below vocab_size {vocab_size}: one unit per token does "
            "the task without any error"
        )
    return tuple(notes)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _share(value: float | None) -> str:
    """A share near 1 as 1 - error, so that it does not read as certain."""
    if value is not None and 0.9999 < value < 1:
        return f"1 - {1 - value:.2g}"
    return _figure(value)
