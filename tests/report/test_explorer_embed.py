"""The explorer's Python side: what is sent to the browser, in what form, and under which policy."""

import base64
import hashlib
import json
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import relubloom as rb
from build.evidence import certificate
from build.report_runs import graded_run
from relubloom.code import Code, GradedCode, random_constant_weight
from relubloom.evidence import gather_evidence
from relubloom.network.construct import construct
from relubloom.network.relu_net import ReluNet
from relubloom.records.files import write_record
from relubloom.records.labels import default_labels
from relubloom.records.run_folder import Origin, write_network, write_training
from relubloom.records.study import RandomCodeFigures, StudyRecord
from relubloom.report.explorer.assemble import assemble
from relubloom.report.explorer.embed import Explorer, embed, film_data, opening_set
from relubloom.report.explorer.networks import pack_weights
from relubloom.report.page import write_report
from relubloom.report.read import read_contents, read_run
from relubloom.study.steps import write_evidence
from relubloom.task import KSparseTask
from relubloom.training import Recipe

TASK = KSparseTask(16, 2)
HOSTILE = ("</script><script>alert(1)</script>", "<!--", "]]>", '"\\', "\u2028", "日本語")
COVERED = Code(np.array([[1, 1, 0, 0], [0, 0, 1, 1], [0, 1, 1, 0]], dtype=bool))


def near(code: Code, seed: int) -> ReluNet:
    """A network near the exact one of `code`, as training would leave it."""
    exact = construct(code, 12.0)
    noise = torch.randn(exact.W_in.shape, generator=torch.Generator().manual_seed(seed)) * 0.05
    return ReluNet(exact.W_in.detach() + noise, exact.b_in, exact.W_out, exact.b_out)


def trained_run(folder: Path, labels: tuple[str, ...] | None = None) -> ReluNet:
    net = near(random_constant_weight(TASK.vocab_size, 12, 3, 0), 0)
    names = labels or default_labels(TASK.vocab_size)
    write_network(folder, net, Origin(TASK, 0, recipe=Recipe(steps=10)), names)
    return net


def study(folder: Path) -> None:
    trained_run(folder / "seed-0")
    net = construct(random_constant_weight(TASK.vocab_size, 12, 3, 5), 20.0)
    built = {"family": "constant-weight", "weight": 3, "code_seed": 5, "sharpness": 20.0}
    labels = default_labels(TASK.vocab_size)
    write_network(folder / "constructed", net, Origin(TASK, 5, construction=built), labels)
    record = StudyRecord(
        relubloom_version="0.0",
        command="relubloom study",
        configuration={},
        runs=[],
        best_random_code=RandomCodeFigures(weight=4, mse=0.01, kl=0.04, p_exact=0.8),
        verdict="bloom",
        report="report.html",
    )
    write_record(folder, record)


class Scripts(HTMLParser):
    """Collects the script elements of a page, and everything outside them."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.policy = ""
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "script":
            self.scripts.append((found, ""))
        self.inside = tag == "script"
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found["content"] or ""

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)


@dataclass(frozen=True)
class Sent:
    """What a browser reads out of the elements."""

    data: dict[str, Any]
    blobs: dict[str, bytes]
    source: str


def sent(explorer: Explorer) -> Sent:
    parser = Scripts()
    parser.feed(explorer.data + explorer.script)
    *blocks, (attributes, source) = parser.scripts
    assert attributes == {}
    named = {
        str(found["id"]).removeprefix("explorer-").removeprefix("bytes-"): text
        for found, text in blocks
    }
    data = json.loads(named.pop("data"))
    blobs = {name: base64.b64decode(text, validate=True) for name, text in named.items()}
    return Sent(data, blobs, source)


def module(**texts: str) -> str:
    """Assemble modules given by name; the first is the main one."""
    return assemble(lambda name: texts[name.removesuffix(".js")], f"{next(iter(texts))}.js")


def test_modules_keep_their_names_apart() -> None:
    source = module(
        main='import { two } from "./a-b.js";\nconst one = two();\n',
        **{"a-b": "/** Of\n two. */\nconst one = 1;\nexport function two() {\n  return one;\n}\n"},
    )
    assert source == (
        '"use strict";\n'
        "const $a_b = (() => {\nconst one = 1;\nfunction two() {\n  return one;\n}\n"
        "return { two };\n})();\n"
        "const $main = (() => {\nconst { two } = $a_b;\nconst one = two();\nreturn {  };\n})();\n"
    )


def test_module_stands_once_and_below_what_imports_it() -> None:
    source = module(
        main='import { b } from "./b.js";\nimport { c } from "./c.js";\n',
        b='import { c } from "./c.js";\nexport const b = c;\n',
        c="export const c = 1;\n",
    )
    assert source.count("const $c =") == 1
    assert source.index("const $c =") < source.index("const $b =") < source.index("const $main =")


def test_casts_inside_a_line_stay() -> None:
    source = module(main="/** @type {A} */ (b).c();\n/** @type {A} */\nlet d;\n")
    assert "/** @type {A} */ (b).c();\nlet d;" in source


@pytest.mark.parametrize(
    "text",
    [
        'import a from "./b.js";\n',
        'import { a as c } from "./b.js";\n',
        "export default 1;\n",
        "export { a };\n",
        'const a = "</script>";\n',
        'const a = "<!--";\n',
    ],
)
def test_what_cannot_be_assembled_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be assembled|end its element"):
        module(main=text, b="export const a = 1;\n")


def test_circles_are_refused() -> None:
    with pytest.raises(ValueError, match=r"main\.js -> b\.js -> main\.js"):
        module(main='import { b } from "./b.js";\n', b='import { a } from "./main.js";\n')


def test_policy_allows_the_script_that_is_sent_and_no_other(tmp_path: Path) -> None:
    trained_run(tmp_path)
    parser = Scripts()
    parser.feed(write_report(tmp_path).read_text(encoding="utf-8"))
    run = [text for attributes, text in parser.scripts if "type" not in attributes]
    assert len(run) == 1
    digest = base64.b64encode(hashlib.sha256(run[0].encode()).digest()).decode()
    directives = dict(part.strip().split(" ", 1) for part in parser.policy.split(";"))
    assert directives["script-src"] == f"'sha256-{digest}'"
    assert directives["worker-src"] == "blob:"
    assert directives["default-src"] == "'none'"
    assert directives["connect-src"] == "'none'"


def test_hostile_labels_stay_data(tmp_path: Path) -> None:
    labels = HOSTILE + default_labels(TASK.vocab_size)[len(HOSTILE) :]
    trained_run(tmp_path, labels)
    explorer = embed(read_contents(tmp_path))
    found = sent(explorer)
    assert found.data["labels"] == list(labels)
    assert "alert" not in found.source
    assert explorer.data.count("</script>") == len(found.blobs) + 1


def test_nothing_is_asked_for(tmp_path: Path) -> None:
    trained_run(tmp_path)
    explorer = embed(read_contents(tmp_path))
    everything = explorer.style + explorer.data + explorer.script
    for word in ("http://", "https://", "@import", "url(", "innerHTML", "eval(", "fetch("):
        assert word not in everything, word


def test_bits_are_packed_by_hand(tmp_path: Path) -> None:
    """Hashes 1100, 0011, 0110, the first unit in the lowest bit: 3, 12 and 6."""
    near(COVERED, 0).save_pretrained(tmp_path)
    found = sent(embed(read_contents(tmp_path)))
    assert found.blobs["bits-own"] == bytes([3, 0, 0, 0, 12, 0, 0, 0, 6, 0, 0, 0])
    assert [network["bits"] for network in found.data["networks"]] == ["own", "own", "random"]


def test_strengths_are_packed_by_hand(tmp_path: Path) -> None:
    """Strengths 210, 012: half bits 2 and 2, full bits 1 and 4, the halves of a token first."""
    near(Code(np.array([[1, 1, 0], [0, 1, 1]], dtype=bool)), 0).save_pretrained(tmp_path)
    GradedCode([[2, 1, 0], [0, 1, 2]]).save(tmp_path / "code.npz")
    found = sent(embed(read_contents(tmp_path)))
    assert np.frombuffer(found.blobs["bits-own"], "<u4").tolist() == [2, 1, 2, 4]
    assert [network["levels"] for network in found.data["networks"]] == [2, 2, 1]
    own, extracted, random = found.data["networks"]
    assert own["leaks"] is random["leaks"] is None
    assert extracted["leaks"] == [1.0, 2.0**-12, 0.0]
    assert "graded Bloom filter" in extracted["about"]


def test_python_lines_make_the_graded_filter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = graded_run(tmp_path)
    extracted = sent(embed(read_contents(tmp_path))).data["networks"][1]
    names: dict[str, Any] = {"rb": rb}
    monkeypatch.chdir(tmp_path)
    exec("\n".join(extracted["python"]), names)
    expected = construct(code, extracted["sharpness"])
    assert torch.equal(names["net"].W_in, expected.W_in)
    assert torch.equal(names["net"].W_out, expected.W_out)


def test_filter_that_float32_cannot_hold_is_left_out(tmp_path: Path) -> None:
    """Four strengths need leaks of 2^-8 in 24 bits; 15 leaking bits allow half of that."""
    strengths = np.tile(np.repeat([1, 2, 3, 4], 5), (5, 1))
    near(Code(strengths > 0), 0).save_pretrained(tmp_path)
    GradedCode(strengths).save(tmp_path / "code.npz")
    data = sent(embed(read_contents(tmp_path))).data
    assert [network["key"] for network in data["networks"]] == ["network", "random"]


def test_wide_hashes_take_whole_words(tmp_path: Path) -> None:
    """Of 33 units the last is bit 0 of the second word."""
    bits = np.zeros((2, 33), dtype=bool)
    bits[1, 32] = bits[1, 31] = True
    construct(Code(bits), 9.0).save_pretrained(tmp_path)
    found = sent(embed(read_contents(tmp_path)))
    assert np.frombuffer(found.blobs["bits-own"], "<u4").tolist() == [0, 0, 1 << 31, 1]


def test_weights_are_those_of_the_network(tmp_path: Path) -> None:
    net = trained_run(tmp_path)
    found = sent(embed(read_contents(tmp_path)))
    trained = found.data["networks"][0]
    assert (trained["key"], trained["precision"], trained["sharpness"]) == (
        "trained",
        "float32",
        None,
    )
    assert trained["largestError"] == 0
    wanted = np.concatenate([value.detach().numpy().ravel() for value in net.parameters()])
    assert np.array_equal(np.frombuffer(found.blobs["weights-trained"], "<f4"), wanted)


def test_study_sends_four_networks(tmp_path: Path) -> None:
    study(tmp_path)
    found = sent(embed(read_contents(tmp_path)))
    networks = {network["key"]: network for network in found.data["networks"]}
    assert list(networks) == ["trained", "extracted", "constructed", "random"]
    assert "seed 0" in networks["trained"]["about"]
    assert networks["constructed"]["sharpness"] == 20.0
    assert networks["random"]["about"].startswith("4 random bits")
    assert set(found.blobs) == {"bits-own", "weights-trained", "bits-constructed", "bits-random"}
    assert found.data["setSize"] == found.data["usualSize"] == 2


@pytest.mark.parametrize(("recipe", "key"), [(None, "network"), (Recipe(steps=10), "trained")])
def test_single_run_is_called_what_it_is(tmp_path: Path, recipe: Recipe | None, key: str) -> None:
    net = near(COVERED, 0)
    write_network(tmp_path, net, Origin(KSparseTask(3, 2), 0, recipe), default_labels(3))
    data = sent(embed(read_contents(tmp_path))).data
    assert [network["key"] for network in data["networks"]] == [key, "extracted", "random"]


def test_constructed_run_is_sent_as_its_code(tmp_path: Path) -> None:
    construct(COVERED, 20.0).save_pretrained(tmp_path, {"construction": {"weight": 2}})
    found = sent(embed(read_contents(tmp_path)))
    assert [network["key"] for network in found.data["networks"]] == ["constructed", "random"]
    assert set(found.blobs) == {"bits-own", "bits-random"}
    assert found.data["networks"][0]["sharpness"] == 20.0


def test_smallest_network_is_sent(tmp_path: Path) -> None:
    zero = torch.zeros
    ReluNet(zero(1, 1), zero(1), zero(1, 1), zero(1)).save_pretrained(tmp_path)
    data = sent(embed(read_contents(tmp_path))).data
    assert (data["vocabSize"], data["width"], data["usualSize"]) == (1, 1, 1)
    assert data["film"] is None
    assert data["opening"] is None


def test_code_of_another_shape_is_not_believed(tmp_path: Path) -> None:
    trained_run(tmp_path)
    Code(np.eye(3, dtype=bool)).save(tmp_path / "code.npz")
    assert len(sent(embed(read_contents(tmp_path))).blobs["bits-own"]) == 4 * TASK.vocab_size


def test_python_lines_make_the_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study(tmp_path)
    found = sent(embed(read_contents(tmp_path)))
    monkeypatch.chdir(tmp_path)
    for network in found.data["networks"]:
        names: dict[str, Any] = {"rb": rb}
        exec("\n".join(network["python"]), names)
        bits = np.frombuffer(found.blobs[f"bits-{network['bits']}"], "<u4").reshape(-1, 1)
        hashes = (bits >> np.arange(12) & 1).astype(bool)
        if network["sharpness"] is None:
            content = np.frombuffer(found.blobs[f"weights-{network['key']}"], "<f4")
            made = [value.detach().numpy().ravel() for value in names["net"].parameters()]
            assert np.array_equal(np.concatenate(made), content)
        else:
            expected = construct(Code(hashes), network["sharpness"])
            assert torch.equal(names["net"].W_in, expected.W_in)
            assert torch.equal(names["net"].W_out, expected.W_out)


def test_certificate_comes_along(tmp_path: Path) -> None:
    trained_run(tmp_path)
    write_record(tmp_path, certificate())
    assert sent(embed(read_contents(tmp_path))).data["networks"][0]["certificate"] == {
        "sets": 120,
        "method": "enumeration",
        "exact_sets": 113,
        "exact_sets_bounds": [113, 113],
        "mse": {"lower": 0.01, "upper": 0.0100000001},
        "false_positives": {"total": 9, "mean": {"lower": 0.075, "upper": 0.075}},
        "set_size": 2,
    }


def test_opening_is_a_real_false_positive() -> None:
    """Hashes 1100, 0011, 0110: only the first two cover the third, and nothing else does so."""
    assert opening_set(construct(COVERED, 20.0), COVERED, 2) == [0, 1]
    assert (
        opening_set(construct(Code(np.eye(5, dtype=bool)), 20.0), Code(np.eye(5, dtype=bool)), 2)
        is None
    )


def test_opening_asks_the_network_too() -> None:
    """A bias of -20 keeps the covered token from being called: e^-20 of the members' share."""
    exact = construct(COVERED, 20.0)
    b_out = torch.tensor([0.0, 0.0, -20.0])
    net = ReluNet(exact.W_in.detach(), exact.b_in, exact.W_out.detach(), b_out)
    assert opening_set(net, COVERED, 2) is None


@pytest.mark.parametrize(
    ("vocab_size", "tests", "sets"), [(5000, None, 10_000), (5000, 10**6, 200), (5000, 4999, 1)]
)
def test_opening_of_a_large_vocabulary_looks_through_as_many_pairs_as_it_says(
    monkeypatch: pytest.MonkeyPatch, vocab_size: int, tests: int | None, sets: int
) -> None:
    """So many (set, token) pairs at most, and at least one set; of 10,000 it finds a good one."""
    looked_through: list[int] = []
    count = Code.false_positives

    def watched(code: Code, sets: NDArray[np.int64]) -> NDArray[np.int64]:
        looked_through.append(len(sets))
        return count(code, sets)

    monkeypatch.setattr(Code, "false_positives", watched)
    if tests is not None:
        monkeypatch.setattr("relubloom.report.charts.answers.SEARCH_TESTS", tests)
    code = random_constant_weight(vocab_size, 60, 10, seed=1)
    found = opening_set(construct(code, 20.0), code, 2)
    assert 0.98 * sets - 1 < sum(looked_through) <= sets  # less those of one token twice
    if sets == 10_000:
        assert found is not None
        covered = ~(code.bits & ~code.bits[found].any(0)).any(1)
        assert covered.sum() == 3
        assert covered[found].all()


def test_float16_where_only_that_has_room() -> None:
    """2 * 256 * 200 + 456 weights: 546 KiB of base64 in float32, over the 400,000 allowed."""
    generator = torch.Generator().manual_seed(0)
    net = ReluNet(
        torch.randn(256, 200, generator=generator) / 8,
        torch.zeros(200),
        torch.randn(200, 256, generator=generator) / 8,
        torch.zeros(256),
    )
    packed = pack_weights(net, 3)
    assert packed is not None
    assert packed.precision == "float16"
    assert len(packed.content) == 2 * (2 * 256 * 200 + 456)
    assert 0 < packed.largest_error < 1e-3
    assert packed.error_sets == 200


def test_weights_that_half_precision_holds_lose_nothing() -> None:
    net = construct(random_constant_weight(256, 200, 20, 0), 16.0)
    packed = pack_weights(net, 3)
    assert packed is not None
    assert (packed.precision, packed.largest_error) == ("float16", 0.0)


@pytest.mark.parametrize(("width", "scale"), [(400, 1.0), (200, 1e6)])
def test_weights_without_room_or_beyond_half_precision_stay_out(width: int, scale: float) -> None:
    W_in = torch.full((256, width), scale)
    net = ReluNet(W_in, torch.zeros(width), W_in.T.contiguous() * 0.3, torch.zeros(256))
    assert pack_weights(net, 3) is None


def test_network_left_out_leaves_its_hash(tmp_path: Path) -> None:
    """2 * 256 * 400 + 656 weights have no room even in float16."""
    near(random_constant_weight(256, 400, 20, 0), 0).save_pretrained(tmp_path)
    found = sent(embed(read_contents(tmp_path)))
    assert [network["key"] for network in found.data["networks"]] == ["extracted", "random"]


def test_film_in_bytes_by_hand(tmp_path: Path) -> None:
    """Every entry is 2 or -2 but one of 1, so the scale ends at 2: bytes 255, 1 and 192."""
    net = construct(Code(np.array([[0, 1], [1, 0]], dtype=bool)), 9.0)
    write_network(tmp_path, net, Origin(KSparseTask(2, 1), 0, recipe=Recipe()), ("a", "b"))
    film = torch.tensor([[[2.0, -2.0], [2.0, 2.0]], [[-2.0, 1.0], [2.0, -2.0]]])
    rows = [{"step": step, "objective": "mse", "loss": 1 / step} for step in (1, 4)]
    write_training(tmp_path, rows, film, [0, 3])
    blobs: dict[str, bytes] = {}
    told = film_data(read_run(tmp_path), Code(np.array([[0, 1], [1, 0]], dtype=bool)), blobs)
    assert told is not None
    assert told["limit"] == 2.0
    assert told["steps"] == [0, 3]
    assert told["losses"] == [[1.0, "mse"], [0.25, "mse"]]
    assert (told["tokens"], told["units"]) == (2, 2)
    # The first token's bit is unit 1, so unit 1 comes first.
    assert list(blobs["film"]) == [1, 255, 255, 255, 192, 1, 1, 255]


def test_page_stays_in_its_size_at_a_thousand_tokens(tmp_path: Path) -> None:
    net = near(random_constant_weight(1000, 64, 12, 0), 0)
    origin = Origin(KSparseTask(1000, 3), 0, recipe=Recipe(steps=10))
    write_network(tmp_path, net, origin, default_labels(1000))
    film = torch.randn((40, 64, 64), generator=torch.Generator().manual_seed(0))
    rows = [{"step": 1, "objective": "mse", "loss": 1.0}]
    write_training(tmp_path, rows, film, list(range(40)))
    explorer = embed(read_contents(tmp_path))
    assert sent(explorer).data["networks"][0]["precision"] == "float32"
    assert len(explorer.style) + len(explorer.data) + len(explorer.script) < 1_400_000


def test_ten_thousand_tokens_fit_in_half_precision() -> None:
    net = construct(random_constant_weight(10_000, 128, 20, 0), 16.0)
    packed = pack_weights(net, 3)
    assert packed is not None
    assert packed.precision == "float16"
    assert 4 * len(packed.content) / 3 < 7_500_000


def test_examined_run_sends_the_stored_code(tmp_path: Path) -> None:
    net = trained_run(tmp_path)
    write_evidence(tmp_path, gather_evidence(net, TASK.evaluation_sets()))
    found = sent(embed(read_contents(tmp_path)))
    assert found.data["networks"][1]["python"][0] == 'code = rb.Code.load("code.npz")'
