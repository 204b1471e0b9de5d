"""All units together against the union: the confusion matrix, and the levels in its cells."""

from relubloom.evidence.mechanism.hidden_layer import HiddenLayer
from relubloom.evidence.mechanism.moments import spread
from relubloom.records.mechanism import UnitAndUnion, WeaklyOn


def summarise_units(layer: HiddenLayer, method: str, sets: int) -> UnitAndUnion:
    """Add up the units; `sets` is the number of distinct sets the layer was run on."""
    pairs = layer.total * len(layer.on)
    covered, covered_on = float(layer.covered.sum()), float(layer.covered_on.sum())
    uncovered, uncovered_on = float(layer.uncovered.sum()), float(layer.uncovered_on.sum())
    level = spread(
        uncovered, float(layer.uncovered_sum.sum()), float(layer.uncovered_squares.sum())
    )
    relative = None
    if covered_on > 0 and level is not None and level.mean > 0:
        relative = float(layer.covered_sum.sum()) / covered_on / level.mean
    return UnitAndUnion(
        covered_off=(covered - covered_on) / pairs,
        covered_on=covered_on / pairs,
        uncovered_on=uncovered_on / pairs,
        uncovered_off=(uncovered - uncovered_on) / pairs,
        level_uncovered=level,
        weakly_on=WeaklyOn(covered_on / covered if covered > 0 else None, relative),
        method=method,
        sets=sets,
    )
