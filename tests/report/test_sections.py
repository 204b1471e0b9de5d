"""The article's sections: what each says in every case that the data can bring."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from build.evidence import (
    add_evidence,
    agree,
    certificate,
    dynamics,
    ladder,
    rung,
    size_figures,
)
from build.golden import bare_html, hold, section_html, section_text
from build.networks import reversed_filter
from build.report_runs import constructed_run, page, trained_run, words
from relubloom.code import Code, random_constant_weight
from relubloom.evidence import gather_evidence
from relubloom.network.construct import construct
from relubloom.records.behaviour import Behaviour, CountShare, SubsetFigures
from relubloom.records.ladder import Ladder
from relubloom.records.mechanism import Mechanism, Unit, UnitClass
from relubloom.records.run_folder import Origin, write_network
from relubloom.report.read import Contents, read_contents
from relubloom.report.sections.mechanism import shared_by_chance
from relubloom.study.steps import write_evidence
from relubloom.task import KSparseTask

Changed = Callable[..., Contents]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Contents:
    """A trained run of 16 tokens, width 12, sets of 2; all that it can hold but a certificate."""
    folder = tmp_path_factory.mktemp("told")
    trained_run(folder)
    add_evidence(folder, 16, 12, 2)
    return changed(read_contents(folder), certificate=None)


def changed(contents: Contents, **records: Any) -> Contents:
    """The same with other records in the featured run."""
    run = replace(contents.featured, **records)
    return replace(contents, runs=(run,), featured=run)


def behaviour_of(contents: Contents, **values: Any) -> Behaviour:
    assert contents.featured.behaviour is not None
    return replace(contents.featured.behaviour, **values)


def mechanism_of(contents: Contents, **values: Any) -> Mechanism:
    assert contents.featured.mechanism is not None
    return replace(contents.featured.mechanism, **values)


# The verdict -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "headline", "sentence", "shortfall"),
    [
        ("bloom", "A network that learned a Bloom filter", "It is a Bloom filter.", ""),
        (
            "partly",
            "A network that partly learned a Bloom filter",
            "It is a Bloom filter only in part.",
            "What falls short: the hidden units agree with the union on 70.00 % of the (set, unit) "
            "pairs, where 97 % is the least; 4.00 % of the entries lie near the threshold, where "
            "3 % is the most; the bare hash predicts the loss failures with an F1 of 0.71, where "
            "0.8 is the least; the union removes 40.00 % of the errors that calling every unit on, "
            "or every unit off, would make, where 50 % is the least; between sets that fail "
            "by loss and others, the share on which the bare hash fails differs by 15.00 %, where "
            "20 % is the least.",
        ),
        (
            "not-bloom",
            "A network that did not learn a Bloom filter",
            "It is no Bloom filter.",
            "What falls short: the hidden units agree with the union on 70.00 % of the (set, unit) "
            "pairs, where 80 % is the least.",
        ),
    ],
)
def test_verdicts_are_told_apart(
    told: Contents, verdict: str, headline: str, sentence: str, shortfall: str
) -> None:
    mechanism = mechanism_of(told, verdict=verdict, unit_agreement=0.7, near_threshold=0.04)
    mechanism = replace(
        mechanism,
        reading=None,
        union_skill=0.4,
        failures_told_apart=0.15,
        extracted=replace(mechanism.extracted, loss_failure_f1=0.712),
    )
    text = section_text(changed(told, mechanism=mechanism), "head").splitlines()
    assert text[1] == headline
    assert text[2].startswith(sentence)
    assert text[3].startswith(shortfall or "error (mse)")


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        (("too-narrow", "width", 12, 23, 26), "Reading: too narrow: 12 units"),
        (("nearly-linear", "units_off", 0.005, 0.05, None), "units are off in 0.50 % of the"),
        (("mostly-dead", "dead_unit_share", 0.625, 0.5, None), "0 on every set: 62.50 %, where 50"),
        (("superposition", "set_size", 2, 2, None), "no set has more than 2 tokens"),
    ],
)
def test_a_reading_stands_at_the_top_and_no_mechanism_that_it_denies(
    told: Contents, figures: tuple[Any, ...], said: str
) -> None:
    keys = ("reading", "quantity", "value", "threshold", "try_width")
    beside = dict(zip(keys, figures, strict=True))
    contents = changed(told, mechanism=mechanism_of(told, verdict="not-bloom", **beside))
    assert said in section_text(contents, "head")
    hero = section_text(contents, "hero")
    assert "This network is none." in hero
    assert "So the units that are on are those outside the union" not in hero
    assert "need not come true" in section_text(contents, "break_it")


def test_a_poor_filter_is_called_one(told: Contents) -> None:
    poor = mechanism_of(told, hash_false_positives=16.1, random_code_false_positives=8.7)
    said = "its hash 16.1, the best random code 8.7; its hash is a poor filter"
    assert said in section_text(changed(told, mechanism=poor), "head")
    fair = replace(poor, hash_false_positives=8.8)
    assert "poor filter" not in section_text(changed(told, mechanism=fair), "head")


def test_one_mode_falls_short(told: Contents) -> None:
    mechanism = mechanism_of(
        told, verdict="not-bloom", two_modes=False, unit_agreement=0.9, reading=None
    )
    text = section_text(changed(told, mechanism=mechanism), "head")
    assert "What falls short: the entries of Win form one mode, not two.\n" in text


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("all", "Of all 120 sets of 2 tokens, the network"),
        ("drawn", "Of 120 drawn sets of 2 tokens (a sample of all 120), the network"),
        ("held-out", "Of 120 held-out sets of 2 tokens, the network"),
    ],
)
def test_evaluated_sets_are_named(told: Contents, method: str, said: str) -> None:
    unseen = SubsetFigures(sets=7, mse=0.25, p_exact=0.125)
    behaviour = behaviour_of(told, method=method, unseen_tokens=unseen)
    text = section_text(changed(told, behaviour=behaviour), "head")
    assert said in text
    assert (
        "Among those sets 7 distinct sets hold a token that training never showed: of these alone "
        "it ranks 12.50 % exactly right, with an mse of 0.250.\n"
    ) in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Of all 120 sets of 2 tokens, the network ranks 113 exactly right; "),
        (
            {"exact_sets": None, "exact_sets_bounds": (100, 113)},
            "ranks between 100 and 113 exactly",
        ),
        ({"exact_sets": 120, "exact_sets_bounds": (120, 120)}, "ranks every one exactly right"),
        ({"exact_sets": 0, "exact_sets_bounds": (0, 0)}, "ranks none exactly right"),
        ({"method": "sampled"}, " % exactly right"),
    ],
)
def test_verdict_counts_sets_where_a_certificate_does(
    told: Contents, changes: dict[str, Any], said: str
) -> None:
    assert said in section_text(changed(told, certificate=certificate(**changes)), "head")


def test_certificate_beside_a_sample_says_which_is_which(told: Contents) -> None:
    behaviour = behaviour_of(told, method="drawn", sets=50)
    found = changed(told, certificate=certificate(), behaviour=behaviour)
    said = "ranks 113 exactly right; of 50 drawn sets of 2 tokens, "
    assert "Of all 120 sets of 2 tokens, the network" in section_text(found, "head")
    assert said in section_text(found, "head")
    mechanism = mechanism_of(told, failures_explained=None, code_failure_share=0.5)
    said += "it ranks none wrongly, and its own hash has a false positive on 50.00 %."
    assert said in section_text(changed(found, mechanism=mechanism), "head")


# The example -----------------------------------------------------------------------------------


def test_hostile_label_in_the_worked_example(tmp_path: Path) -> None:
    """Hashes 1100, 0011, 0110: the first two cover the third, and no other pair does so."""
    net = construct(Code(np.array([[1, 1, 0, 0], [0, 0, 1, 1], [0, 1, 1, 0]], dtype=bool)), 20.0)
    task = KSparseTask(3, 2)
    write_network(tmp_path, net, Origin(task, 0), ("<b>", "it's", "<script>"))
    write_evidence(tmp_path, gather_evidence(net, task.evaluation_sets()))
    hold("hostile_example.html", bare_html(section_html(read_contents(tmp_path), "hero")))


# Behaviour -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        ([(1e-9, 0.0), (0.2, 0.11)], "of its hash’s at every size."),
        ([(0.3, 0.0), (0.2, 0.11)], "of its hash’s at 2 only."),
        ([(0.3, 0.0), (0.01, 0.03)], "of its hash’s at none of these sizes."),
        (
            [(0.3, 0.0), (0.2, 0.1)],
            "At 2 tokens it calls 0.00300 too many and misses 0.000200 a set, where its hash has "
            "0.00340 too many and misses none.",
        ),
    ],
)
def test_other_sizes_are_judged_by_their_numbers(
    told: Contents, errors: list[tuple[float, float]], said: str
) -> None:
    rows = [
        replace(row, mse=mse, code=replace(row.code, mse=of_hash), theory=None)
        for size, (mse, of_hash) in enumerate(errors, 1)
        for row in [size_figures(size, 16)]
    ]
    behaviour = behaviour_of(told, set_sizes=rows)
    assert said in section_text(changed(told, behaviour=behaviour), "behaviour")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"one_sided": True}, "The errors are one-sided, as a Bloom filter’s are: 20.00 % of the"),
        (
            {"false_positive_share": 0.0, "miss_share": 0.0},
            "There are no errors to have a side: none of the sets have a token called that was not "
            "put in, none a member that is not called",
        ),
        ({"miss_share": 0.01}, "The errors are nearly one-sided:"),
        ({"miss_share": 0.1}, "The errors are not one-sided, where a Bloom filter’s would be:"),
    ],
)
def test_sides_of_the_errors(told: Contents, values: dict[str, Any], said: str) -> None:
    behaviour = behaviour_of(
        told, **{"one_sided": False, "false_positive_share": 0.2, "miss_share": 0.0} | values
    )
    assert said in section_text(changed(told, behaviour=behaviour), "behaviour")


@pytest.mark.parametrize(
    ("same", "said"),
    [(0.95, "as indifferent as a union."), (0.5, "no union: it counts."), (0.7, "only in part.")],
)
def test_a_token_given_twice_is_judged(told: Contents, same: float, said: str) -> None:
    twice = replace(behaviour_of(told).repeated_token, same_calls=same)
    behaviour = behaviour_of(told, repeated_token=twice)
    assert said in section_text(changed(told, behaviour=behaviour), "behaviour")


def test_figures_that_cannot_be_told_leave_no_gap(told: Contents) -> None:
    """Everything that a record may hold as null, at once."""
    behaviour = behaviour_of(told)
    found = changed(
        told,
        behaviour=replace(
            behaviour,
            false_positives=replace(
                behaviour.false_positives,
                theory_mean=None,
                correlation=None,
                by_count=[replace(behaviour.false_positives.by_count[0], network=1.0, code=1.0)],
            ),
            growth=replace(behaviour.growth, kept_false_positives=None),
            confusion=None,
            tokens=replace(
                behaviour.tokens, false_positive_rate=None, code_false_positive_rate=None
            ),
        ),
        mechanism=_told_by_nothing(mechanism_of(told)),
        ladder=None,
    )
    said = section_text(found, "behaviour") + section_text(found, "mechanism", "ladder")
    hold("told_by_nothing.txt", said)


def _told_by_nothing(mechanism: Mechanism) -> Mechanism:
    readout = mechanism.readout
    return replace(
        mechanism,
        units=[replace(unit, level_uncovered=None, level_covered=None) for unit in mechanism.units],
        hash_weight=replace(mechanism.hash_weight, variance_ratio=None),
        overlaps=None,
        unit_and_union=replace(
            mechanism.unit_and_union,
            weakly_on=replace(mechanism.unit_and_union.weakly_on, share=None, relative_level=None),
        ),
        readout=replace(readout, r2=None, slope=None, intercept=None, r2_levels=None),
        duplicate_hashes=[],
        extracted=replace(mechanism.extracted, loss_failure_f1=None),
    )


def test_tokens_that_no_set_holds_have_no_dot(told: Contents) -> None:
    tokens = behaviour_of(told).tokens
    rates = tokens.false_positive_rate
    assert rates is not None
    behaviour = behaviour_of(
        told, tokens=replace(tokens, false_positive_rate=[None, *rates[1:]], correlation=None)
    )
    text = section_text(changed(told, behaviour=behaviour), "behaviour")
    assert "Which tokens\nOn the dashed line the prediction is exact.\n" in text


@pytest.mark.parametrize(("network", "code"), [(0.1, 0.0), (0.0, 0.1), (0.0, 0.0)])
def test_false_positives_of_network_or_hash_are_drawn(
    told: Contents, network: float, code: float
) -> None:
    shares = [CountShare(0, 1 - network, 1 - code), CountShare(1, network, code)]
    counted = replace(behaviour_of(told).false_positives, by_count=shares)
    html = section_html(
        changed(told, behaviour=behaviour_of(told, false_positives=counted)), "behaviour"
    )
    assert ("Share of sets by number of false positives" in html) == (network + code > 0)


def test_no_token_is_confused(told: Contents) -> None:
    confusion = behaviour_of(told).confusion
    assert confusion is not None
    pairs = [replace(pair, called=0.0) for pair in confusion.pairs]
    behaviour = behaviour_of(told, confusion=replace(confusion, pairs=pairs))
    text = section_text(changed(told, behaviour=behaviour), "behaviour")
    assert "On the sets looked at no token is called that was not put in." in text


# Mechanism -------------------------------------------------------------------------------------


def test_units_are_counted_by_class(told: Contents) -> None:
    kinds: list[UnitClass] = [
        *["bit"] * 5,
        *["graded"] * 2,
        "dead",
        "always on",
        *["unclear"] * 3,
    ]
    units: list[Unit] = [
        replace(unit, kind=kind) for unit, kind in zip(mechanism_of(told).units, kinds, strict=True)
    ]
    found = changed(told, mechanism=mechanism_of(told, units=units))
    html = section_html(found, "mechanism", "ladder")
    text = section_text(found, "mechanism", "ladder")
    for said in ("■ 5 bit", "◧ 2 graded", "□ 1 dead", "● 1 always on", "? 3 unclear"):
        assert said in text
    assert "■■■■■◧◧???●□\n" in text
    assert html.count('class="unit always-on"') == 2  # in the strip and in its legend
    assert 'class="empty"' not in html


def test_units_that_are_never_covered(told: Contents) -> None:
    first, *others = mechanism_of(told).units
    units = [replace(first, level_uncovered=None)]
    units += [replace(unit, level_covered=None) for unit in others]
    found = changed(told, mechanism=mechanism_of(told, units=units))
    assert "its upper mark would have no spread" in section_text(found, "mechanism", "ladder")


def test_shared_bits_by_chance_by_hand() -> None:
    """Three units; two tokens of weight 1 and one of weight 2.

    Pairs: the two of weight 1 share their bit with chance 1/3; a 1 and a 2 with chance 2/3, and
    there are two such pairs. So one bit: (1/3 + 2 * 2/3) / 3 = 5/9, none: 4/9.
    """
    np.testing.assert_allclose(shared_by_chance(np.array([0, 2, 1, 0])), [4 / 9, 5 / 9, 0, 0])


def climbed(told: Contents, *rungs: Any) -> list[str]:
    """What the ladder says of these rungs, a line each."""
    found = Ladder(120, "all", 16, 12, 1000, list(rungs))
    return section_text(changed(told, ladder=found), "ladder").splitlines()


def test_ladder_says_what_quantisation_pays_for_as_much(told: Contents) -> None:
    """The better explanation has .8 in 150 bits; quantised, .7 costs 200 and .9 costs 300."""
    said = climbed(
        told,
        rung("hash", "explanation", 100, 0.6, None),
        rung("bias", "explanation", 150, 0.8, None, title="+ bias"),
        rung("matrix-2-bit", "quantisation", 200, 0.7, None),
        rung("matrix-3-bit", "quantisation", 300, 0.9, None),
        rung("network", "network", 1000, 1.0, None),
    )
    assert said[1].endswith("Every rung was judged on all 120 sets.")
    assert said[2] == (
        "The first explanation, “hash”, takes 100 bits (10.0 % of the network’s) and has an F1 of "
        "0.60 on loss failures and no failures on either side on ranking failures. Saying that "
        "every set fails has an F1 of 0.82 on loss failures and 0.60 on ranking failures. On loss "
        "failures the best explanation is “bias”: an F1 of 0.80 in 150 bits (15.0 % of the "
        "network’s); quantisation needs 300 bits (30.0 % of the network’s) to do as well."
    )
    table = [line.split(" | ")[0] for line in said if line.count(" | ") == 7]
    assert table == ["program", "1. hash", "2. + bias", "network"]


def test_ladder_without_failures_has_no_best_rung(told: Contents) -> None:
    """No failure on either side: F1 is null for every rung, and nothing is compared."""
    said = climbed(
        told,
        rung("uniform", "baseline", 0, None, None),
        rung("hash", "explanation", 9, None, None),
    )
    assert said[2] == (
        "The first explanation, “hash”, takes 9 bits (0.9 % of the network’s) and has an F1 of no "
        "failures on either side on loss failures and no failures on either side on ranking "
        "failures."
    )


def test_ladder_that_nothing_improves(told: Contents) -> None:
    said = climbed(
        told,
        rung("hash", "explanation", 9, 0.9, 0.5, meaning="Its numbers were fitted on `W_in`."),
        rung("matrix-2-bit", "quantisation", 200, 0.7, 0.5),
    )
    assert said[2].endswith(
        "On loss failures no further numbers help; no quantisation does as well. On ranking "
        "failures no further numbers help; quantisation needs 200 bits (20.0 % of the network’s) "
        "to do as well."
    )
    assert "1. hash | 9 | 0.100 | – | 0.900 | 0.500 | – | Its numbers were fitted on Win." in said


def test_fitted_rungs_are_asked_for_where_there_are_none(told: Contents) -> None:
    asked = "All rungs here are read off the weights."
    assert any(asked in line for line in climbed(told, *ladder(16, 12).rungs))
    exact = [replace(each, loss_failures=agree(1.0)) for each in ladder(16, 12).rungs]
    assert not any(asked in line for line in climbed(told, *exact))


# Interventions, proof, film --------------------------------------------------------------------


def test_an_intervention_that_fails_says_why(told: Contents) -> None:
    failing = "One prediction fails: a false positive put in as a member changes nothing"
    assert failing not in section_text(told, "break_it")
    found = told.featured.interventions
    assert found is not None
    rows = [
        replace(row, exact_match=0.4, explained=None)
        if row.name == "patch-false-positive"
        else replace(row, changes=None, explained=None)
        for row in found.interventions
    ]
    text = section_text(changed(told, interventions=replace(found, interventions=rows)), "break_it")
    assert failing in text
    assert "The code knows two levels." not in text


def test_proof_names_the_method_and_what_is_undecided(told: Contents) -> None:
    sampled = certificate(
        method="sampled",
        exact_sets=None,
        exact_sets_bounds=(90, 113),
        undecided_sets=3,
        confidence=0.99,
        false_positives=replace(certificate().false_positives, total=None),
    )
    text = section_text(changed(told, certificate=sampled), "proof")
    assert text.splitlines() == [
        "A sample of all sets",
        "Of all 120 sets of 2 tokens, between 90 and 113 are exactly right, by a sample, which is "
        "no proof.",
        "How it is known: every set evaluated in float64. On 3 sets the margin lies within the "
        "rounding error: they are undecided and widen the interval.",
        "over all sets | sampled",
        "exact sets | 90 to 113",
        "share of exact sets | 94.1667 %",
        "mse | 0.0100000",
        "false positives per set | 0.0750000",
        "confidence of the intervals | 99.00 %",
        "time it took | 0.500 s",
    ]
    all_exact = changed(told, certificate=certificate(exact_sets=120))
    assert "every one is exactly right, by evaluating" in section_text(all_exact, "proof")


def test_proof_without_a_certificate(told: Contents) -> None:
    assert "All 120 sets were evaluated in float64, and" in section_text(told, "proof")
    sampled = changed(told, behaviour=behaviour_of(told, method="drawn"))
    assert "nothing here is claimed of sets that were not" in section_text(sampled, "proof")


def test_film_says_when_modes_and_hashes_settled(told: Contents) -> None:
    assert "Half of the tokens" not in section_text(told, "film")
    text = section_text(changed(told, dynamics=dynamics(split_step=1842)), "film")
    assert (
        "The two modes had parted for good (a gap of at least 4) by step 1,842. Half of the tokens "
        "had their final hash by step 1,950, and all of it but one bit by step 1,398. Much of it "
        "was there before the first step: mark in each unit as many of its lowest entries as it "
        "has bits in the end, and 65 % of them become bits (by chance 19 %).\n"
    ) in text
    text = section_text(changed(told, dynamics=dynamics(split_step=None, hits=None)), "film")
    assert "The two modes did not part: their gap is below 4 in the end." in text
    assert "become bits" not in text


def test_constructed_folder_with_evidence(tmp_path: Path) -> None:
    constructed_run(tmp_path)
    add_evidence(tmp_path, 16, 12, 2)
    contents = read_contents(tmp_path)
    assert "constructed, not trained, so there is no film" in section_text(contents, "film")
    assert "The folder holds this network alone" in section_text(contents, "networks")


NEGATIVE = "a strongly negative entry of W in is a bit"
POSITIVE = "a strongly positive entry of W in is a bit"


@pytest.mark.parametrize(
    ("turned", "said", "unsaid"),
    [
        (
            np.ones(12, bool),
            [
                POSITIVE,
                "Is each unit a union?",
                "12 of the 12 units are reversed",
                "the strongest orange ones, above 0, are the bits",
                "drawn with their sign changed",
            ],
            [NEGATIVE, "the complement of a union", "lowers the score", "takes its score down"],
        ),
        (
            np.arange(12) < 1,
            [
                "1 unit of 12 is reversed",
                POSITIVE,
                "In the other units a strongly negative entry is a bit",
                "Is each unit a union or the complement of one?",
                "1 of the 12 units is reversed: a bit turns it on",
            ],
            [NEGATIVE, "a union\u2019s complement"],
        ),
        (
            np.zeros(12, bool),
            [NEGATIVE, "Is each unit the complement of a union?"],
            [POSITIVE, "reversed", "sign changed"],
        ),
    ],
)
def test_a_page_says_which_entries_are_bits(
    tmp_path: Path, turned: np.ndarray, said: list[str], unsaid: list[str]
) -> None:
    code, task = random_constant_weight(40, 12, 3, seed=1), KSparseTask(40, 2)
    net = reversed_filter(code.bits, turned, 12.0)
    write_network(tmp_path, net, Origin(task, 0), tuple(f"t{token}" for token in range(40)))
    write_evidence(tmp_path, gather_evidence(net, task.evaluation_sets()))
    text = words(page(tmp_path))
    assert [each for each in said if each not in text] == []
    assert [each for each in unsaid if each in text] == []
