"""Recipes: schedules, phases, ranges; and the moments of the film."""

import itertools
import json
import math
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relubloom.errors import UsageError
from relubloom.theory import best_constant_weight
from relubloom.training import Recipe
from relubloom.training.run import snapshot_steps


def test_warm_up_and_cosine_by_hand() -> None:
    # 100 steps, 10 of them warm-up: 1/10, 2/10, ..., 1, then half a cosine over 90 steps.
    recipe = Recipe(steps=100, warmup=0.1, learning_rate=2.0)
    rates = [recipe.at(step)[1] for step in range(100)]
    assert rates[:10] == pytest.approx([0.2 * n for n in range(1, 11)])
    assert rates[10] == pytest.approx(2.0)
    assert rates[55] == pytest.approx(1.0)  # halfway down
    assert rates[99] == pytest.approx(1 + math.cos(math.pi * 89 / 90))
    assert all(a > b for a, b in itertools.pairwise(rates[10:]))


def test_kl_then_mse_has_two_schedules() -> None:
    recipe = Recipe(
        objective="kl-then-mse", steps=100, polish_share=0.3, warmup=0.0, learning_rate=0.5
    )
    assert [recipe.at(step)[0] for step in (0, 69, 70, 99)] == ["kl", "kl", "mse", "mse"]
    assert recipe.at(0)[1] == pytest.approx(0.5)
    assert recipe.at(70)[1] == pytest.approx(recipe.polish_learning_rate)


@given(
    st.sampled_from(["mse", "kl", "kl-then-mse"]),
    st.integers(1, 300),
    st.floats(0, 0.99),
    st.floats(0, 0.99),
)
def test_every_step_has_a_positive_rate_up_to_the_peak(
    objective: str, steps: int, polish: float, warmup: float
) -> None:
    recipe = Recipe(objective=objective, steps=steps, polish_share=polish, warmup=warmup)
    assert sum(phase.steps for phase in recipe.phases) == steps
    peak = max(phase.learning_rate for phase in recipe.phases)
    assert all(0 < recipe.at(step)[1] <= peak for step in range(steps))


def test_there_is_no_step_after_the_last() -> None:
    with pytest.raises(UsageError, match="step is 10: the recipe has steps 0 to 9"):
        Recipe(steps=10).at(10)
    with pytest.raises(UsageError, match="step is -1"):
        Recipe(steps=10).at(-1)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"steps": 0}, "steps is 0: at least 1; raise it"),
        ({"batch_size": -3}, "batch_size is -3: at least 1"),
        ({"learning_rate": 0.0}, r"learning_rate is 0.0: it must be positive and finite"),
        ({"learning_rate": math.nan}, "learning_rate is nan"),
        ({"polish_learning_rate": math.inf}, "polish_learning_rate is inf"),
        ({"init_scale_in": -1.0}, r"init_scale_in is -1.0"),
        ({"polish_share": 1.0}, r"polish_share is 1.0: a share is in \[0, 1\)"),
        ({"warmup": -0.1}, r"warmup is -0.1: a share"),
        ({"objective": "mae"}, "objective is 'mae': choose one of mse, kl, kl-then-mse"),
        ({"activation": "gelu"}, "activation is 'gelu': choose one of relu, none"),
        ({"initialisation": "zeros"}, "initialisation is 'zeros': choose one of normal, pytorch"),
        ({"optimiser": "lion"}, "optimiser is 'lion': choose one of adam, sgd"),
        ({"products": "float16"}, "products is 'float16': choose one of float32, tf32"),
        ({"softmax": "none"}, "softmax is 'none': choose one of all, batch"),
        ({"softmax": "batch"}, "softmax is 'batch' and objective is 'mse': mse asks"),
        ({"adam_beta2": 1.0}, r"adam_beta2 is 1.0: a share is in \[0, 1\)"),
        ({"weight_decay": -0.1}, "weight_decay is -0.1: it must be 0 or more and finite"),
        ({"weight_decay": math.nan}, "weight_decay is nan"),
        ({"weight_decay": None}, "weight_decay is None: it must be 0 or more"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_values_out_of_range_are_refused(changes: dict[str, object], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        Recipe(**changes)


@pytest.mark.usefixtures("unchecked")
def test_numbers_of_numpy_are_taken_as_pythons() -> None:
    numbers: dict[str, Any] = {"steps": np.int64(7), "learning_rate": np.float32(0.25)}
    described = Recipe(**numbers).describe()
    assert json.loads(json.dumps(described)) == described
    assert [described[name] for name in numbers] == [7, 0.25]


def test_a_description_gives_the_recipe_back() -> None:
    recipe = Recipe(objective="kl", steps=17, learning_rate=0.25)
    assert Recipe.from_description(recipe.describe()) == recipe
    with pytest.raises(
        UsageError, match="recipe has no 'stepz': its keys are activation, adam_beta2, batch_size, "
    ):
        Recipe.from_description({"stepz": 3})


def test_a_description_names_later_choices_only_where_one_was_made() -> None:
    later = {"activation", "initialisation", "optimiser", "adam_beta2", "weight_decay"}
    later |= {"products", "softmax"}
    assert not later & Recipe().describe().keys()
    chosen = Recipe(initialisation="pytorch", optimiser="sgd", adam_beta2=0.99, weight_decay=0.01)
    assert chosen.describe().keys() & later == later - {"activation", "products", "softmax"}
    assert Recipe.from_description(chosen.describe()) == chosen


def test_a_recipe_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Recipe().steps = 3


@given(st.integers(1, 10_000))
def test_the_film_starts_before_the_first_step_and_ends_after_the_last(steps: int) -> None:
    moments = snapshot_steps(steps)
    assert moments[0] == 0
    assert moments[-1] == steps
    assert moments == sorted(set(moments))
    assert len(moments) <= 40
    if steps >= 5000:
        assert len(moments) >= 38


def test_a_recipe_that_left_out_improbable_tokens_is_read() -> None:
    recipe = Recipe("kl", steps=70)
    assert Recipe.from_description(recipe.describe() | {"skip_below": 1e-4}) == recipe


@given(st.integers(1, 100_000), st.integers(1, 300), st.integers(1, 20))
def test_a_recipe_for_sizes_shows_enough_sets(vocab_size: int, width: int, set_size: int) -> None:
    set_size = min(set_size, vocab_size)
    recipe = Recipe.for_sizes(vocab_size, width, set_size)
    rare = best_constant_weight(vocab_size, width, set_size).mse < 0.001
    assert recipe.learning_rate == 0.01 and (recipe.weight_decay > 0) == rare
    if rare and width < 256 and 256 * set_size / 0.75 < vocab_size <= 8192:
        least = max(50, round(0.4 * width))
        assert recipe.batch_size == max(least, round(0.05 * vocab_size / set_size))
        assert (recipe.steps, recipe.weight_decay, recipe.softmax) == (200_000, 0.0195, "all")
        return
    assert recipe.batch_size >= 256 and recipe.batch_size > vocab_size / 40 - 1
    assert recipe.steps >= 32_000 and recipe.steps * recipe.batch_size > 1450 * vocab_size
    assert 0.005 < recipe.weight_decay <= 0.02 if rare else recipe.softmax == "all"
