"""The article's sections: what each says with its data, and what it says without."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markupsafe import Markup

from build.evidence import add_dynamics, add_evidence
from build.report_runs import TASK, Balance, constructed_run, page, study, trained_run, words
from relubloom import atomic
from relubloom.records.run_folder import default_labels
from relubloom.report.article import tell
from relubloom.report.behaviour_section import behaviour_section
from relubloom.report.code_part import shared_by_chance
from relubloom.report.contents import read_contents
from relubloom.report.ladder_part import ladder_part
from relubloom.report.mechanism_section import mechanism_section
from relubloom.report.page import render, write_report
from relubloom.report.parts import listed, marked_up, named, sentence
from relubloom.report.proof_section import exact_sentence
from relubloom.report.sizes_part import sizes_part
from relubloom.report.subject import Subject, load_subject
from relubloom.report.wording import carrying_sentence

LONG = "x" * 10_000
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    LONG,
    "' onmouseover='alert(3)",
    "{{ 7 * 7 }}",
    "`W_in`",
    "\u05e9\u05dc\u05d5\u05dd",  # right to left
    "\u202egnp.exe",  # an override of direction
    "👩‍🚀🥝",
    "\x07bell",
)
HEADINGS = [
    "The weight matrix",
    "One input, several networks",
    "How it behaves",
    "How it works inside",
    "Break it",
    "Proof over all sets",
    "How it came about",
    "Error against width",
    "Settings and files",
]


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with everything that a folder can hold."""
    folder = tmp_path_factory.mktemp("full")
    study(folder)
    for seed in range(3):
        add_evidence(folder / f"seed-{seed}", 16, 12, 2, seed)
        atomic.write_json(folder / f"seed-{seed}" / "certificate.json", certificate())
    write_report(folder)
    return folder


@pytest.fixture(scope="module")
def html(full: Path) -> str:
    return (full / "report.html").read_text(encoding="utf-8")


def certificate(**changes: Any) -> dict[str, Any]:
    """C(16, 2) = 120 sets, all but 7 of them right."""
    found = {
        "schema_version": 1,
        "sets": 120,
        "method": "enumeration",
        "exact_sets": 113,
        "exact_sets_bounds": [113, 113],
        "p_exact": {"lower": 113 / 120, "upper": 113 / 120},
        "mse": {"lower": 0.01, "upper": 0.0100000001},
        "false_positives": {"total": 9, "mean": {"lower": 0.075, "upper": 0.075}},
        "undecided_sets": 0,
        "set_size": 2,
        "confidence": None,
        "reasons": "every set evaluated in float64",
        "seconds": 0.5,
    }
    return found | changes


def without(folder: Path, name: str, *keys: str) -> None:
    found = atomic.read_json(folder / name)
    atomic.write_json(folder / name, {key: found[key] for key in found if key not in keys})


def test_sections_stand_in_their_order(html: str) -> None:
    places = [html.index(f">{heading}</h2>") for heading in HEADINGS]
    assert places == sorted(places)
    assert html.index("</h1>") < html.index(" was never put in.") < places[0]


def test_every_section_link_leads_to_a_section(html: str) -> None:
    nav = html[html.index("<nav") : html.index("</nav>")]
    targets = re.findall(r'href="#([^"]+)"', nav)
    assert len(targets) == 10
    assert all(f'id="{target}"' in html for target in targets)


def test_page_is_well_formed_and_ids_are_unique(html: str) -> None:
    parser = Balance()
    parser.feed(html)
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))


def test_each_live_part_has_one_empty_place(html: str) -> None:
    for name in ("hero", "networks", "break", "proof", "film"):
        assert html.count(f'data-mount="{name}"></div>') == 1


def test_static_figure_follows_the_live_part_that_replaces_it(html: str) -> None:
    for name in ("hero", "networks"):
        assert re.search(f'data-mount="{name}"></div>\\s*<figure [^>]*data-fallback>', html)
    assert html.count("data-fallback>") == 2


def still_page(folder: Path) -> str:
    """The page without its live part."""
    contents = read_contents(folder)
    return render(contents, tell(contents))


def test_nothing_is_run_or_fetched_without_an_explorer(full: Path) -> None:
    html = still_page(full)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    assert "default-src 'none'" in policy.group(1)
    assert "connect-src 'none'" in policy.group(1)
    assert "script-src" not in policy.group(1)
    assert "<script" not in html


class FakeExplorer:
    style = Markup("<style>x{}</style>")
    data = Markup('<script type="application/json">{}</script>')
    script = Markup("<script>1</script>")
    policy = "script-src 'sha256-abc='"


def test_explorer_is_put_in_with_its_policy(full: Path) -> None:
    contents = read_contents(full)
    html = render(contents, tell(contents), FakeExplorer())
    assert "img-src data:; script-src &#39;sha256-abc=&#39;" in html
    assert html.index("<style>x{}</style>") < html.index("</head>")
    assert html.rstrip().endswith("<script>1</script>\n</body>\n</html>")


def test_numbers_come_from_the_data(html: str) -> None:
    text = words(html)
    for said in (
        "calls 0.0412 tokens a set that were not put in",
        "predicts 0.0436",
        "The best random code would have 0.112.",
        "the two numbers correlate at 0.913",
        "93.10 % call the same tokens as before",
        "97.40 % of the false positives stay called",
        "98.50 % of the probability on average",
        "46.20 % are covered and off",
        "1.10 % of the covered pairs, at 0.21 of the level",
        "explains 95.70 % of the variance",
        "2 tokens have the same hash as another token",
        "Of all 120 sets of 2 tokens, 113 are exactly right, by evaluating every one of them.",
    ):
        assert said in text, said


def test_verdict_counts_sets_where_a_certificate_does(full: Path, html: str) -> None:
    said = carrying_sentence(read_contents(full)).replace("\u00a0", " ")
    assert said.startswith("Of all 120 sets, the network of seed ")
    assert "ranks 113 exactly right;" in said
    assert said.replace("’", "’") in words(html)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"exact_sets": None, "exact_sets_bounds": [100, 113]},
            "ranks between 100 and 113 exactly",
        ),
        ({"exact_sets": 120, "exact_sets_bounds": [120, 120]}, "ranks every one exactly right"),
        ({"method": "sampled"}, "% exactly right"),
    ],
)
def test_certificates_of_other_kinds(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    trained_run(tmp_path)
    atomic.write_json(tmp_path / "certificate.json", certificate(**changes))
    assert said in carrying_sentence(read_contents(tmp_path)).replace("\u00a0", " ")


def test_certificate_beside_a_sample_says_which_is_which(tmp_path: Path) -> None:
    trained_run(tmp_path, draw=50)
    atomic.write_json(tmp_path / "certificate.json", certificate())
    said = carrying_sentence(read_contents(tmp_path)).replace("\u00a0", " ")
    assert said.startswith(
        "Of all 120 sets, the network ranks 113 exactly right; of 50 drawn sets, "
    )


def test_exact_sentence_names_the_method() -> None:
    sampled = exact_sentence(certificate(method="sampled", exact_sets=None))
    assert "by a sample, which is no proof" in sampled
    assert "Of all 120\u00a0sets of 2 tokens, between 113 and 113 are" in sampled


BEHAVIOUR_KEYS = (
    "false_positives",
    "calls",
    "set_sizes",
    "repeated_token",
    "growth",
    "member_mass",
    "confusion",
    "tokens",
)
MECHANISM_KEYS = ("hash_weight", "overlaps", "unit_and_union", "readout", "duplicate_hashes")


@pytest.fixture(scope="module")
def subject(full: Path) -> Subject:
    return load_subject(read_contents(full))


@pytest.mark.parametrize("key", BEHAVIOUR_KEYS + MECHANISM_KEYS)
def test_sections_stand_without_any_one_key(subject: Subject, key: str) -> None:
    """Null is as good as absent."""
    run = subject.run
    changed = replace(
        run,
        behaviour={**(run.behaviour or {}), key: None},
        mechanism={**(run.mechanism or {}), key: None},
    )
    bare = replace(subject, run=changed)
    parts = behaviour_section(bare).parts + mechanism_section(bare).parts
    text = " ".join(sentence for part in parts for sentence in part.text)
    assert len(parts) == 11
    assert "None" not in text


def test_sections_without_data_are_one_plain_sentence(tmp_path: Path) -> None:
    trained_run(tmp_path)
    without(tmp_path, "behaviour.json", *BEHAVIOUR_KEYS)
    without(tmp_path, "mechanism.json", *MECHANISM_KEYS)
    text = words(page(tmp_path))
    for said in (
        "The folder holds no count of false positives; relubloom examine makes it.",
        "The folder holds no test of other set sizes; relubloom examine makes it.",
        "The folder holds no ladder of explanations; relubloom examine makes it.",
        "The folder holds no interventions; relubloom examine makes them.",
        "All 120 sets were evaluated in float64",
        "One width was studied here, 12",
    ):
        assert said in text, said


def test_hostile_labels_stay_text_everywhere(tmp_path: Path) -> None:
    labels = HOSTILE + default_labels(16)[len(HOSTILE) :]
    trained_run(tmp_path, labels=labels)
    add_evidence(tmp_path, 16, 12, 2)
    write_report(tmp_path)
    html = still_page(tmp_path)
    parser = Balance()
    parser.feed(html)
    assert parser.open == []
    assert not {"script", "img"} & parser.tags
    assert not re.search(r"<[^>]*\sonmouseover=", html)
    assert "{{ 7 * 7 }}" in html
    assert "xxxxx…" in html
    assert LONG not in html
    assert "\x07" not in html
    assert len(html) < 400_000
    for figure in (tmp_path / "figures").glob("*.svg"):
        assert LONG not in figure.read_text(encoding="utf-8")


def test_words_are_escaped_before_they_are_marked_up() -> None:
    assert marked_up("a < b, `relubloom plan`, W_in") == Markup(
        "a &lt; b, <code>relubloom plan</code>, W<sub>in</sub>"
    )
    assert named("<b>") == '<bdi class="token">&lt;b&gt;</bdi>'
    assert listed(["<", "b", "c"]) == "&lt;, b and c"
    assert listed(["a"]) == "a"
    assert sentence("W_in of {x}", x="<W_in>") == "W<sub>in</sub> of &lt;W_in&gt;"


def test_shared_bits_by_chance_by_hand() -> None:
    """Three units; two tokens of weight 1 and one of weight 2.

    Pairs: the two of weight 1 share their bit with chance 1/3; a 1 and a 2 with chance 2/3, and
    there are two such pairs. So one bit: (1/3 + 2 * 2/3) / 3 = 5/9, none: 4/9.
    """
    np.testing.assert_allclose(shared_by_chance(np.array([0, 2, 1, 0])), [4 / 9, 5 / 9, 0, 0])


def rung(name: str, kind: str, bits: int, f1: float | None) -> dict[str, Any]:
    scores = {"precision": f1, "recall": f1, "f1": f1}
    return {
        "name": name,
        "title": name,
        "meaning": "Some numbers.",
        "kind": kind,
        "bits": bits,
        "mse": 0.1,
        "kl": 0.1,
        "log_gap_closed": None,
        "loss_failures": scores,
        "ranking_failures": scores,
        "loss_correlation": None,
    }


def ladder(*rungs: dict[str, Any]) -> dict[str, Any]:
    return {"sets": 120, "method": "all", "network_bits": 1000, "rungs": list(rungs)}


def test_ladder_says_what_quantisation_pays_for_as_much() -> None:
    """The better explanation has .8 in 150 bits; quantised, .7 costs 200 and .9 costs 300."""
    part = ladder_part(
        ladder(
            rung("hash", "explanation", 100, 0.6),
            rung("+ bias", "explanation", 150, 0.8),
            rung("matrix-2-bit", "quantisation", 200, 0.7),
            rung("matrix-3-bit", "quantisation", 300, 0.9),
            rung("network", "network", 1000, 1.0),
        )
    )
    said = part.text[1].replace("\u00a0", " ")
    assert "“hash”, takes 100 bits (10.0 % of the network’s) and has an F1 of 0.60" in said
    assert "“bias”: an F1 of 0.80 in 150 bits (15.0 % of the network’s)" in said
    assert "quantisation needs 300 bits (30.0 % of the network’s) to do as well" in said
    assert "all 120 sets" in part.text[0].replace("\u00a0", " ")
    assert [row[0] for row in part.tables[0].rows] == ["1. hash", "2. + bias", "network"]


def test_ladder_without_failures_has_no_best_rung() -> None:
    """No failure on either side: F1 is null for every rung, and nothing is compared."""
    part = ladder_part(
        ladder(rung("uniform", "baseline", 0, None), rung("hash", "explanation", 9, None))
    )
    assert "no failures on either side" in part.text[1]
    assert "quantisation" not in part.text[1]


def size_row(size: int, mse: float, hash_mse: float, misses: float = 0.0) -> dict[str, Any]:
    code = {"mse": hash_mse, "kl": 0.1, "p_exact": 0.9, "false_positives": 0.2}
    return {
        "set_size": size,
        "sets": 100,
        "method": "drawn uniformly",
        "mse": mse,
        "kl": 0.1,
        "p_exact": 0.9,
        "false_positives": 0.3,
        "misses": misses,
        "code": code,
        "theory": None,
    }


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([size_row(1, 1e-9, 0.0), size_row(2, 0.2, 0.11)], "of its hash’s at every size."),
        ([size_row(1, 0.3, 0.0), size_row(2, 0.2, 0.11)], "of its hash’s at 2 only."),
        ([size_row(1, 0.3, 0.0), size_row(2, 0.01, 0.03)], "of its hash’s at none of these"),
        (
            [size_row(1, 0.3, 0.0), size_row(2, 0.2, 0.1, misses=1.5)],
            "At 2 tokens it calls 0.300 too many and misses 1.50 a set, where its hash has 0.200",
        ),
    ],
)
def test_other_sizes_are_judged_by_their_numbers(rows: list[dict[str, Any]], said: str) -> None:
    assert said in sizes_part({"set_sizes": rows}, "2").text[0]


def test_own_set_sizes_stand_in_for_untested_ones() -> None:
    rows = [{"set_size": k, "sets": 10 * k, "mse": 0.1 / k, "p_exact": 0.5} for k in (2, 3)]
    part = sizes_part({"by_set_size": rows}, "2 to 3")
    assert part.tables[0].rows[1] == ("3", "30", "0.0333", "50.00\u00a0%")


def test_constructed_folder_with_evidence_has_a_page(tmp_path: Path) -> None:
    constructed_run(tmp_path)
    add_evidence(tmp_path, 16, 12, 2)
    text = words(page(tmp_path))
    assert "constructed, not trained, so there is no film" in text
    assert "The folder holds this network alone" in text


def test_evidence_of_units_that_are_never_covered(tmp_path: Path) -> None:
    trained_run(tmp_path)
    add_evidence(tmp_path, 16, 12, 2)
    mechanism = atomic.read_json(tmp_path / "mechanism.json")
    for unit in mechanism["units"]:
        unit["level_covered"] = None
    mechanism["units"][0]["level_uncovered"] = None
    mechanism["readout"]["by_missing_bits"][3]["sd"] = None
    (tmp_path / "mechanism.json").write_text(json.dumps(mechanism))
    assert "Unit against union" in page(tmp_path)


def test_task_without_its_size_has_no_example(tmp_path: Path) -> None:
    trained_run(tmp_path)
    config = atomic.read_json(tmp_path / "config.json")
    atomic.write_json(tmp_path / "config.json", config | {"task": {}})
    text = words(page(tmp_path))
    assert "does not say its set size, so no example is worked through" in text
    assert TASK.vocab_size == 16


def test_page_says_when_modes_and_hashes_settled(tmp_path: Path) -> None:
    trained_run(tmp_path)
    assert "Half of the tokens" not in words(page(tmp_path))
    add_dynamics(tmp_path, split_step=1842)
    text = words(page(tmp_path))
    assert "The two modes had parted for good (a gap of at least 4) by step 1,842." in text
    assert "Half of the tokens had their final hash by step 1,950" in text
    assert "all of it but one bit by step 1,398" in text
    assert "65 % of them become bits (by chance 19 %)" in text.replace("\u00a0", " ")


def test_page_says_that_modes_did_not_part(tmp_path: Path) -> None:
    trained_run(tmp_path)
    add_dynamics(tmp_path, split_step=None, hits=None)
    text = words(page(tmp_path))
    assert "The two modes did not part: their gap is below 4 in the end." in text
    assert "become bits" not in text
