"""Networks of the zoo: made once, kept whole, with what is known of them."""

import itertools
import json
import re
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

import relubloom as rb
from build.code_csv import read_code_csv
from build.zoo import CORRELATED, SMALL, ZIPF, prepared, small
from relubloom.code import Code, GradedCode
from relubloom.errors import FileError, UsageError
from relubloom.network.imports.verify import indicator
from relubloom.network.relu_net import ReluNet
from relubloom.records.files import read_record
from relubloom.records.folder_task import read_task
from relubloom.records.mechanism import Mechanism
from relubloom.study.steps import certify_run, examine_network
from relubloom.zoo import figures
from relubloom.zoo import known as module
from relubloom.zoo import sets as zoo_sets
from relubloom.zoo.catalogue import CatalogueEntry
from relubloom.zoo.known import load_entry

NAME = "constructed-binary-96x48-k3"
every = pytest.mark.parametrize("entry", [*SMALL, ZIPF, CORRELATED], ids=lambda entry: entry.name)


@pytest.fixture(scope="module", autouse=True)
def few_sets() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(figures, "measure", partial(figures.measure, sets=200))
        patched.setattr(zoo_sets, "LINES", 500)
        yield


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared(tmp_path_factory.mktemp("cache"))


@every
def test_name_and_seed_make_the_network(entry: CatalogueEntry, cache: Path, tmp_path: Path) -> None:
    one, again = load_entry(entry, 0, cache), load_entry(entry, 0, tmp_path)
    assert one.code == again.code
    for name, value in one.net.named_parameters():
        assert torch.equal(value, again.net.get_parameter(name))


@pytest.mark.parametrize("kind", ["constructed-graded", "trained-binary", "planted-parity"])
def test_another_seed_makes_another(kind: str, cache: Path) -> None:
    one, other = small(kind, cache), small(kind, cache, seed=4)
    assert one.code != other.code
    assert not torch.equal(one.net.W_in, other.net.W_in)


@every
def test_a_second_load_reads_what_the_first_wrote(
    entry: CatalogueEntry, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_entry(entry, 0, cache)
    monkeypatch.delattr(module, "make")
    again = load_entry(entry, 0, cache)
    assert again.code == first.code
    assert again.task == first.task
    assert again.meaning == first.meaning
    assert torch.equal(again.net.W_out, first.net.W_out)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("model.safetensors", "cut"),
        ("model.safetensors", "changed"),
        ("code.npz", "gone"),
        ("units.json", "changed"),
        ("zoo.json", "cut"),
    ],
)
def test_a_damaged_entry_is_made_again(name: str, damage: str, tmp_path: Path) -> None:
    known = small("constructed-binary", tmp_path)
    path = known.folder / name
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        middle = len(content) // 2
        path.write_bytes(content[:middle] + (b"" if damage == "cut" else b"\0" * (middle + 2)))
    again = small("constructed-binary", tmp_path)
    assert again.code == known.code
    assert torch.equal(again.net.W_in, known.net.W_in)
    assert path.read_bytes() == content


def test_a_card_of_a_damaged_entry_is_not_kept(tmp_path: Path) -> None:
    known = small("planted-parity", tmp_path)
    (known.folder / "README.md").write_text("of another network")
    (known.folder / "model.safetensors").write_bytes(b"")
    assert small("planted-parity", tmp_path).card.startswith("# planted-parity-20x12-k3\n")


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match=r"^the cache cannot be written \(.*\): set REL.*$") as told:
        rb.zoo.load(NAME, cache=tmp_path / "file")
    assert "\n" not in str(told.value)


def test_the_cache_is_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELUBLOOM_CACHE", str(tmp_path))
    known = rb.zoo.load(NAME, seed=2)
    assert known.folder == tmp_path / "zoo" / NAME / "v1" / "seed-2"
    assert (known.name, known.version, known.seed) == (NAME, 1, 2)
    monkeypatch.delenv("RELUBLOOM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert rb.zoo.load(NAME).folder.is_relative_to(tmp_path / "xdg" / "relubloom")


@pytest.mark.parametrize("seed", [-1, True])
def test_a_bad_seed_is_refused(seed: int, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"seed is {seed}"):
        rb.zoo.load(NAME, seed=seed, cache=tmp_path)


@every
def test_more_sets_go_on_where_fewer_end(entry: CatalogueEntry, cache: Path) -> None:
    known = load_entry(entry, 0, cache)
    few, many = known.sets(10), known.sets(5000)
    assert few.shape == (10, 3)
    assert few.dtype == torch.int64
    assert torch.equal(few, many[:10])
    assert torch.equal(few[:1], known.sets(1))
    assert not torch.equal(few, known.sets(10, seed=1))
    assert (many.sort(1).values.diff(dim=1) > 0).all()
    assert 0 <= many.min() <= many.max() < entry.vocab_size


@pytest.mark.parametrize("n", [0, -3, True])
def test_a_bad_number_of_sets_is_refused(n: int, cache: Path) -> None:
    with pytest.raises(UsageError, match=r"^n is "):
        small("planted-parity", cache).sets(n)


@pytest.mark.parametrize("hook", ["hook_pre", "hook_post"])
def test_activations_are_those_of_the_network(hook: str, cache: Path) -> None:
    known = small("trained-binary", cache)
    sets = known.sets(50)
    pre = known.net.W_in[sets].sum(1) + known.net.b_in
    expected = pre if hook == "hook_pre" else pre.relu()
    torch.testing.assert_close(known.activations(sets, hook), expected)
    with pytest.raises(UsageError, match=r"hook is 'hook_out': choose one of hook_post, hook_pre"):
        known.activations(sets, "hook_out")


def test_batches_are_the_sets_in_order(cache: Path) -> None:
    known = small("constructed-binary", cache)
    batches = list(itertools.islice(known.batches(7, seed=5), 3))
    sets = known.sets(21, seed=5)
    assert torch.equal(torch.cat([each for each, _ in batches]), known.activations(sets))
    indicators = torch.cat([each for _, each in batches])
    assert torch.equal(indicators, indicator(sets, 20).float())
    assert torch.equal(
        torch.cat([each for each, _ in batches]),
        (indicators @ known.net.W_in + known.net.b_in).relu(),
    )


def test_the_truth_of_each_kind(cache: Path) -> None:
    codes = {entry.kind: small(entry.kind, cache).code for entry in SMALL}
    assert codes["nearly-linear"] is None
    assert isinstance(codes["constructed-graded"], GradedCode)
    assert codes["constructed-graded"].levels == 2
    for kind in ("constructed-binary", "trained-binary", "planted-majority", "planted-parity"):
        assert isinstance(codes[kind], Code)


@pytest.mark.parametrize("kind", ["constructed-binary", "constructed-graded"])
def test_constructed_networks_hold_their_code(kind: str, cache: Path) -> None:
    known = small(kind, cache)
    sets = known.sets(500)
    post = known.activations(sets).numpy()
    graded = isinstance(known.code, GradedCode)
    covered = known.code.states(sets) == 2 if graded else known.code.union(sets)
    assert np.array_equal(post == 0, covered)
    for unit in known.meaning:
        column = known.code.strengths[:, unit.unit] if graded else known.code.bits[:, unit.unit]
        assert unit.tokens == np.flatnonzero(column == (2 if graded else 1)).tolist()
        assert unit.half == (np.flatnonzero(column == 1).tolist() if graded else [])
        assert unit.agreement is None


@pytest.mark.parametrize("kind", ["planted-majority", "planted-parity"])
def test_units_of_planted_networks_mean_what_is_said(kind: str, cache: Path) -> None:
    known = small(kind, cache)
    sets = known.sets(300)
    post = known.activations(sets).numpy()
    hinges = {"planted-majority": 2, "planted-parity": 3}[kind]
    functions = 12 // hinges
    for unit in known.meaning:
        count = np.isin(sets.numpy(), unit.tokens).sum(1)
        place = unit.unit // functions + (kind == "planted-majority")
        assert f"ReLU(c - {place})" in unit.sentence
        assert np.array_equal(post[:, unit.unit], np.maximum(count - place, 0))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("constructed-binary", r"Set so: 1 when none of its \d+ tokens is in the set, else 0\."),
        ("trained-binary", r"Learned: on when none of its \d+ tokens is in the set, else 0\."),
        (
            "constructed-graded",
            r"Set so: 1 when none of its \d+ tokens is in the set, weakly on when just one is and "
            r"that has one of the [1-9]\d* half bits, else 0\.",
        ),
    ],
)
def test_a_unit_is_said_in_one_sentence(kind: str, said: str, cache: Path) -> None:
    for unit in small(kind, cache).meaning:
        assert re.fullmatch(said, unit.sentence)


def test_agreement_of_a_trained_unit_is_measured(cache: Path) -> None:
    known = small("trained-binary", cache)
    sets = zoo_sets.drawing(known.entry, known.task, "units")(0, 20_000)
    found = (known.activations(sets).numpy() == 0) == known.code.union(sets)
    assert [unit.agreement for unit in known.meaning] == pytest.approx(found.mean(0).tolist())


@every
def test_what_is_saved_is_a_run_folder(entry: CatalogueEntry, cache: Path, tmp_path: Path) -> None:
    known, out = load_entry(entry, 0, cache), tmp_path / "out"
    files = known.save(out)
    assert sorted(path.name for path in out.iterdir()) == files
    assert torch.equal(ReluNet.from_pretrained(out).W_in, known.net.W_in)
    assert read_task(out, known.net) == known.task
    assert (out / "README.md").read_text() == known.card
    assert json.loads((out / "units.json").read_text())[0]["unit"] == 0
    if known.code is not None:
        labels, read = read_code_csv(out / "code.csv")
        strengths = known.code.strengths if isinstance(known.code, GradedCode) else known.code.bits
        assert np.array_equal(read, strengths)
        assert len(labels) == entry.vocab_size
    examine_network(out, read_task(out, known.net).evaluation_sets(200), "quick")
    assert read_record(out, Mechanism) is not None
    assert certify_run(out).sets == known.certificate.sets


def test_a_sets_file_moves_with_its_folder(tmp_path: Path) -> None:
    known = load_entry(CORRELATED, 0, prepared(tmp_path / "cache"))
    known.save(tmp_path / "out")
    shutil.rmtree(tmp_path / "cache")
    task = read_task(tmp_path / "out", known.net)
    assert task.file.path == str(tmp_path / "out" / "sets.txt")


def test_the_certificate_is_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = small("constructed-binary", cache).certificate
    monkeypatch.delattr(module, "certify")
    assert small("constructed-binary", cache).certificate == found
    assert found.sets == 1140
    assert found.exact_sets is not None
    assert "float64" in found.reasons


def test_a_module_gives_the_same_logits(cache: Path) -> None:
    known = small("trained-binary", cache)
    sets = known.sets(20)
    torch.testing.assert_close(known.to_module()(indicator(sets, 20).float()), known.net(sets))
