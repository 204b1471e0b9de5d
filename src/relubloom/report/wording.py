"""The page's sentences. Every number in them comes from the data."""

from __future__ import annotations

import math
from typing import Any, cast

from relubloom.errors import UsageError
from relubloom.records.verdict import (
    AGREEMENT_BLOOM,
    AGREEMENT_NOT,
    F1_BLOOM,
    NEAR_BLOOM,
    SKILL_BLOOM,
)
from relubloom.report.contents import Contents, JsonObject, Run
from relubloom.report.numbers import count, figure, percent, several
from relubloom.training.recipe import Recipe

# The verdict rule; a run's verdict itself is read from its files.
NAMES = {"bloom": "bloom", "partly": "partly", "not-bloom": "not bloom"}


def title(contents: Contents) -> str:
    """The headline: what was found, in a few words."""
    runs = contents.runs
    if contents.study is None and contents.featured.construction is not None:
        return "A network that is a Bloom filter by construction"
    verdicts = [run.verdict for run in runs if run.verdict is not None]
    if not verdicts:
        return "A ReLU network, not yet examined"
    if len(runs) > 1:
        learned = _how_many(verdicts.count("bloom"), len(runs))
        return f"{learned} networks learned a Bloom filter".capitalize().replace("bloom", "Bloom")
    if contents.featured.recipe is None:
        found = {"bloom": "works", "partly": "partly works", "not-bloom": "does not work"}
        return f"A network that {found.get(verdicts[0], 'may work')} as a Bloom filter"
    found = {"bloom": "learned", "partly": "partly learned", "not-bloom": "did not learn"}
    return f"A network that {found.get(verdicts[0], 'may have learned')} a Bloom filter"


def kicker(run: Run, vocab_size: int, width: int) -> str:
    """The line above the headline: the sizes."""
    sizes = sizes_in_words(run.task)
    said = f"relubloom report · {several(vocab_size, 'token')}, {several(width, 'hidden unit')}"
    return f"{said}, sets of {sizes}" if sizes else said


def sizes_in_words(task: JsonObject) -> str:
    """The set sizes of a task, `3` or `3 to 8`; empty where it does not say them."""
    size: Any = task.get("set_size")
    if isinstance(size, list):
        low, high = cast(list[int], size)
        return f"{low} to {high}"
    return "" if size is None else f"{size}"


def verdict_sentences(contents: Contents) -> list[str]:
    """The verdict in a few words, and the numbers that carry it."""
    run = contents.featured
    if run.behaviour is None or run.mechanism is None:
        return [
            "There is no verdict yet.",
            "This folder holds a network and no examination of it; `relubloom examine` makes one.",
        ]
    return [_opening(contents), carrying_sentence(contents)]


def remarks(contents: Contents) -> list[str]:
    """What must be said with the verdict: shortfalls, tokens never trained on, which seed."""
    run = contents.featured
    if run.behaviour is None or run.mechanism is None:
        return []
    sentences: list[str] = []
    if run.verdict != "bloom" and run.construction is None:
        sentences.append(_shortfall(run))
    if unseen := run.behaviour.get("unseen_tokens"):
        sentences.append(
            f"Among those sets {several(unseen['sets'], 'distinct set')} hold a token that "
            f"training never showed: of these alone it ranks {percent(unseen['p_exact'])} "
            f"exactly right, with an mse of {figure(unseen['mse'])}."
        )
    if len(contents.runs) > 1:
        place = "the one of median mse" if len(contents.runs) > 2 else "the one of greater mse"
        sentences += [
            _spread(contents),
            f"What is shown of a single network is seed {run.seed}, {place}.",
        ]
    return sentences


def _spread(contents: Contents) -> str:
    """How far the seeds lie apart."""
    mses = [run.behaviour["mse"] for run in contents.runs if run.behaviour]
    shares = [run.mechanism["failures_explained"] for run in contents.runs if run.mechanism]
    found = [share for share in shares if share is not None]
    explained = (
        f", and the share of ranking failures explained from {percent(min(found))} to "
        f"{percent(max(found))}"
        if found
        else ""
    )
    return (
        f"Over the seeds the mse runs from {figure(min(mses))} to {figure(max(mses))}{explained}."
    )


def carrying_sentence(contents: Contents) -> str:
    """How often the network is right, and how many of its failures its own hash explains."""
    run = contents.featured
    behaviour, mechanism = run.behaviour or {}, run.mechanism or {}
    who = f"the network of seed {run.seed}" if len(contents.runs) > 1 else "the network"
    scope, counted = _scope(run), _counted(run.certificate)
    sets, right = counted or (scope, _share_right(behaviour["p_exact"]))
    start = f"{sets}, {who} ranks {right} exactly right"
    apart = counted is not None and behaviour["method"] != "all"
    looked = f" of {scope_of_figures(run)}," if apart else ""
    explained, code_share = mechanism["failures_explained"], mechanism["code_failure_share"]
    if explained is None:
        return (
            f"{start}, so there are no ranking failures to explain; its own hash has a false "
            f"positive on {percent(code_share)} of them."
            if not apart
            else f"{start};{looked} it ranks none wrongly, and its own hash has a false positive "
            f"on {percent(code_share)}."
        )
    link = "and such sets are only" if code_share < 0.5 * explained else "while such sets are"
    return (
        f"{start};{looked} {percent(explained)} of its ranking failures are sets on which its own "
        f"hash has a false positive, {link} {percent(code_share)} of all."
    )


def _share_right(p_exact: float) -> str:
    if p_exact in (0, 1):
        return "every one" if p_exact else "none"
    return percent(p_exact)


def _counted(certificate: JsonObject | None) -> tuple[str, str] | None:
    """('Of all 2,763,520 sets', '2,727,596') from a certificate that counts; None without one."""
    if certificate is None or certificate["method"] == "sampled":
        return None
    sets, exact = certificate["sets"], certificate["exact_sets"]
    low, high = certificate["exact_sets_bounds"]
    if exact is None:
        right = f"between {count(low)} and {count(high)}"
    else:
        right = "every one" if exact == sets else count(exact) if exact else "none"
    return f"Of all {several(sets, 'set')}", right


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
        rest = [
            f"{NAMES[verdict]} for {verdicts.count(verdict)}"
            for verdict in ("partly", "not-bloom")
            if verdict in verdicts
        ]
        held = _how_many(verdicts.count("bloom"), len(runs))
        more = f" ({', '.join(rest)})" if rest and verdicts.count("bloom") else ""
        return f"The Bloom reading holds for {held} seeds{more}."
    return {
        "bloom": "The Bloom reading holds.",
        "partly": "The Bloom reading holds only in part.",
        "not-bloom": "The Bloom reading does not hold.",
    }.get(run.verdict or "", f"The verdict is {run.verdict}.")


def _shortfall(run: Run) -> str:
    """Which parts of the verdict rule a network fails, with its numbers."""
    mechanism = run.mechanism or {}
    agreement, near = mechanism["unit_agreement"], mechanism["near_threshold"]
    f1 = mechanism["extracted"]["loss_failure_f1"]
    least = AGREEMENT_NOT if run.verdict == "not-bloom" else AGREEMENT_BLOOM
    reasons: list[str] = []
    if not mechanism["two_modes"]:
        reasons.append("the entries of W_in form one mode, not two")
    if agreement < least:
        reasons.append(
            f"the hidden units agree with the union on {percent(agreement)} of the (set, unit) "
            f"pairs, where {percent(least, 0)} is the least"
        )
    if run.verdict == "partly" and near > NEAR_BLOOM:
        reasons.append(
            f"{percent(near)} of the entries lie near the threshold, where "
            f"{percent(NEAR_BLOOM, 0)} is the most"
        )
    if run.verdict == "partly" and f1 is not None and f1 < F1_BLOOM:
        reasons.append(
            f"the bare hash predicts the loss failures with an F1 of {f1:.2f}, where {F1_BLOOM} "
            "is the least"
        )
    skill = mechanism.get("union_skill")
    if run.verdict == "partly" and skill is not None and skill < SKILL_BLOOM:
        reasons.append(
            f"the union removes {percent(skill)} of the errors that calling every unit on, or "
            f"every unit off, would make, where {percent(SKILL_BLOOM, 0)} is the least"
        )
    listed = "; ".join(reasons) or "see the verdict rule below"
    return f"What falls short: {listed}."


def _how_many(some: int, total: int) -> str:
    if some == total:
        return f"all {total}"
    return f"{some or 'none'} of {total}"


def task_sentence(task: JsonObject) -> str:
    """What the network is asked to do."""
    if not task:
        return "The folder does not say what sets the network was made for."
    k = sizes_in_words(task)
    vocab = several(task.get("vocab_size", 0), "token")
    sets = f"sets of {k} tokens from a vocabulary of {vocab}"
    source = {
        "uniform": f"{sets}, all equally likely",
        "zipf": f"{sets}, drawn one by one with frequencies that follow Zipf’s law",
        "file": f"real {sets}, the lines of a file, of which a fifth of the distinct sets was "
        "held out",
    }.get(task.get("source", "uniform"), sets)
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
    linear = ", without its ReLU," if run.recipe.get("activation") == "none" else ""
    return (
        f"Here {network} was trained{linear} by Adam from random weights{many}, on batches of "
        f"{batch} "
        f"sets: {_phases(run.recipe)}. The learning rate rises over the first "
        f"{percent(run.recipe.get('warmup', 0), 0)} of the steps and then falls to 0 along a "
        "cosine."
    )


def best_random_sentence(contents: Contents) -> str | None:
    """The rival, in words."""
    rival = contents.best_random_code
    if rival is None:
        return None
    return (
        f"The rival is the best random code: {rival['weight']} random bits for every token, the "
        f"number that gives the least error, which reaches an mse of {figure(rival['mse'])}. "
        "The constructed network beside the trained one is one such code, made into an exact Bloom "
        "filter."
    )


def _code_words(run: Run) -> str:
    built = run.construction or {}
    weight = built.get("weight")
    family = built.get("family", "given")
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
