"""Precision, recall and F1 of a prediction."""

from relubloom.records.ladder import Agreement


def agreement(predicted: float, actual: float, both: float) -> Agreement:
    """From counts or weights: what was predicted, what there was, and what was both.

    Null where neither side has any, which counts as agreement; 0 where they have nothing in common.
    """
    if not predicted and not actual:
        return Agreement(None, None, None)
    if not both:
        return Agreement(0.0, 0.0, 0.0)
    return Agreement(both / predicted, both / actual, 2 * both / (predicted + actual))
