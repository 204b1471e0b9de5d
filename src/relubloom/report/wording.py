"""The page's sentences. Every number in them comes from the data."""

from __future__ import annotations

import math
from typing import Any

from relubloom.errors import UsageError
from relubloom.report.contents import Contents, JsonObject, Run
from relubloom.report.numbers import SPACE, count, figure, percent, several
from relubloom.training.recipe import Recipe

# The verdict rule; a run's verdict itself is read from its files.
AGREEMENT_BLOOM, AGREEMENT_NOT, NEAR_BLOOM, F1_BLOOM = 0.97, 0.8, 0.03, 0.8
NAMES = {"bloom": "bloom", "partly": "partly", "not-bloom": "not bloom"}


def title(contents: Contents) -> str:
    """The headline: what was found, in a few words."""
    runs = contents.runs
    if contents.study is None and runs[0].construction is not None:
        return "A network that is a Bloom filter by construction"
    verdicts = [run.verdict for run in runs if run.verdict is not None]
    if not verdicts:
        return "A ReLU network, not yet examined"
    if len(runs) > 1:
        learned = sum(verdict == "bloom" for verdict in verdicts)
        return f"{learned} of {len(runs)} networks learned a Bloom filter"
    return {
        "bloom": "A network that learned a Bloom filter",
        "partly": "A network that partly learned a Bloom filter",
        "not-bloom": "A network that did not learn a Bloom filter",
    }.get(verdicts[0], "A ReLU network, examined")


def verdict_sentences(contents: Contents) -> list[str]:
    """The verdict, the numbers that carry it, and what must be said with them."""
    run = contents.featured
    if run.behaviour is None or run.mechanism is None:
        return [
            "This folder holds a network and no examination of it, so there is no verdict; "
            "`relubloom examine` makes one."
        ]
    sentences = [_opening(contents), carrying_sentence(run)]
    if run.verdict != "bloom" and run.construction is None:
        sentences.append(_shortfall(run.mechanism))
    if unseen := run.behaviour.get("unseen_tokens"):
        sentences.append(
            f"Of these, {several(unseen['sets'], 'distinct set')} hold a token that training never "
            f"showed; on those alone it ranks {percent(unseen['p_exact'])} exactly right, with an "
            f"mse of {figure(unseen['mse'])}."
        )
    return sentences


def carrying_sentence(run: Run) -> str:
    """How often the network is right, and how many of its failures its own hash explains."""
    behaviour, mechanism = run.behaviour or {}, run.mechanism or {}
    p_exact = behaviour["p_exact"]
    start = f"{_scope(run)}, the network ranks "
    explained, code_share = mechanism["failures_explained"], mechanism["code_failure_share"]
    if explained is None:
        return (
            f"{start}every one exactly right, so there are no ranking failures to explain "
            f"(its own hash has a false positive on {percent(code_share)} of them)."
        )
    right = "none" if p_exact == 0 else percent(p_exact)
    return (
        f"{start}{right} exactly right; {percent(explained)} of its ranking failures are sets on "
        "which its own hash has a false positive, and such sets are only "
        if code_share < 0.5 * explained
        else f"{start}{right} exactly right; {percent(explained)} of its ranking failures are sets "
        "on which its own hash has a false positive, while such sets are "
    ) + f"{percent(code_share)} of all."


def scope_of_figures(run: Run) -> str:
    """Over which sets the figures are, for captions: 'all 2,763,520 sets'."""
    behaviour = run.behaviour or {}
    sets = behaviour.get("sets", 0)
    return {
        "all": f"all {several(sets, 'set')}",
        "drawn": f"{several(sets, 'drawn set')}",
        "held-out": f"the held-out lines ({several(sets, 'distinct set')})",
    }.get(behaviour.get("method", ""), several(sets, "set"))


def _scope(run: Run) -> str:
    behaviour, task = run.behaviour or {}, run.task
    if behaviour.get("method") == "drawn" and task.get("source") == "uniform":
        size, vocab_size = task.get("set_size"), task.get("vocab_size")
        if isinstance(size, int) and isinstance(vocab_size, int):
            total = math.comb(vocab_size, size)
            if total < 10**15:
                return (
                    f"Of {several(behaviour['sets'], 'drawn set')} (a sample of all {count(total)})"
                )
    return f"Of {scope_of_figures(run)}"


def _opening(contents: Contents) -> str:
    run, runs = contents.featured, contents.runs
    if run.construction is not None:
        two = (run.mechanism or {}).get("two_valued")
        values = ": its input weights take exactly two values" if two else ""
        return f"This network was set to be a Bloom filter, not trained{values}."
    if len(runs) > 1:
        verdicts = [one.verdict for one in runs]
        held = verdicts.count("bloom")
        rest = [
            f"{NAMES[verdict]} for {verdicts.count(verdict)}"
            for verdict in ("partly", "not-bloom")
            if verdict in verdicts
        ]
        more = f" ({', '.join(rest)})" if rest else ""
        return (
            f"The Bloom reading holds for {held} of {len(runs)} seeds{more}. The rest of this page "
            f"shows seed {run.seed}, the one of median mse."
        )
    return {
        "bloom": "The Bloom reading holds.",
        "partly": "The Bloom reading holds only in part.",
        "not-bloom": "The Bloom reading does not hold.",
    }.get(run.verdict or "", f"The verdict is {run.verdict}.")


def _shortfall(mechanism: JsonObject) -> str:
    """Which parts of the verdict rule a network fails, with its numbers."""
    agreement, near = mechanism["unit_agreement"], mechanism["near_threshold"]
    f1 = mechanism["extracted"]["loss_failure_f1"]
    reasons: list[str] = []
    if not mechanism["two_modes"]:
        reasons.append("the entries of W_in form one mode, not two")
    if agreement < AGREEMENT_BLOOM:
        reasons.append(
            f"the hidden units agree with the union on {percent(agreement)} of the (set, unit) "
            f"pairs, under the {percent(AGREEMENT_BLOOM, 0)} needed"
        )
    if near > NEAR_BLOOM:
        reasons.append(
            f"{percent(near)} of the entries lie near the threshold, over the "
            f"{percent(NEAR_BLOOM, 0)} allowed"
        )
    if f1 is not None and f1 < F1_BLOOM:
        reasons.append(
            f"the bare hash predicts the loss failures with F1{SPACE}{f1:.2f}, under the "
            f"{F1_BLOOM} needed"
        )
    listed = "; ".join(reasons) or "see the table of the verdict rule below"
    return f"What falls short: {listed}."


def task_sentence(task: JsonObject) -> str:
    """What the network is asked to do."""
    if not task:
        return "The folder does not say what sets the network was made for."
    size = task.get("set_size")
    k = f"{size[0]} to {size[1]}" if isinstance(size, list) else f"{size}"
    vocab = several(task.get("vocab_size", 0), "token")
    source = {
        "uniform": f"sets of {k} different tokens out of {vocab}, all equally likely",
        "zipf": f"sets of {k} different tokens out of {vocab}, drawn one by one with frequencies "
        "that follow Zipf's law",
        "file": f"real sets of {k} out of {vocab}, one a line of a file; a fifth of the distinct "
        "sets was held out",
    }.get(task.get("source", "uniform"), f"sets of {k} tokens out of {vocab}")
    return (
        f"The task: {source}. Given a set of k tokens, answer with the distribution that puts 1/k "
        "on each of them and 0 on every other token."
    )


def making_sentence(run: Run, vocab_size: int, width: int, seeds: int) -> str:
    """How the network came about."""
    parameters = count(2 * vocab_size * width + vocab_size + width)
    network = (
        f"a network of one hidden layer with {several(width, 'ReLU unit')} "
        f"({parameters} parameters)"
    )
    if run.construction is not None:
        return f"Here {network} was not trained: its weights were set from {_code_words(run)}."
    if run.recipe is None:
        return f"The folder holds {network}; it does not say how that was made."
    many = f" once for each of {seeds} seeds" if seeds > 1 else ""
    batch = count(run.recipe.get("batch_size", 0))
    return (
        f"Here {network} was trained by Adam from random weights{many}, on batches of {batch} "
        f"freshly drawn sets: {_phases(run.recipe)}. The learning rate warms up and then falls to "
        "0 along a cosine in each phase."
    )


def best_random_sentence(contents: Contents) -> str | None:
    """The rival, in words."""
    rival = contents.best_random_code
    if rival is None:
        return None
    return (
        f"The rival is the best random code: {rival['weight']} random bits for every token, the "
        f"number that gives the least error, which reaches an mse of {figure(rival['mse'])}. "
        "The constructed network shown beside the trained one is exactly such a Bloom filter."
    )


def _code_words(run: Run) -> str:
    built = run.construction or {}
    weight = built.get("weight")
    family = str(built.get("family", "given")).replace("-", " ")
    weighted = "" if weight is None else f" with {weight} bits a token"
    sharpness = built.get("sharpness")
    sharp = "" if sharpness is None else f", at a sharpness of {figure(float(sharpness))}"
    return f"a {family} code{weighted}{sharp}"


def _phases(described: dict[str, Any]) -> str:
    try:
        phases = Recipe.from_description(described).phases
    except (UsageError, TypeError):
        return f"{count(described.get('steps', 0))} steps of {described.get('objective')}"
    parts = [
        f"{several(phase.steps, 'step')} on {phase.objective} "
        f"(learning rate {figure(phase.learning_rate, 1)})"
        for phase in phases
    ]
    return ", then ".join(parts)
