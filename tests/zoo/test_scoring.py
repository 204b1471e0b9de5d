"""`rb.score`: networks of the zoo, networks of one's own, and files of what was found."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import relubloom as rb
from relubloom.errors import FileError, UsageError
from relubloom.zoo.scoring import named_truth, read_found

NAME = "constructed-binary-96x48-k3"
CODE = rb.random_constant_weight(12, 16, 5, seed=0)
SETS = [[0, 1, 2], [3, 4, 5], [0, 4, 11]]


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> rb.zoo.KnownNetwork:
    monkeypatch.setenv("RELUBLOOM_CACHE", str(tmp_path / "cache"))
    return rb.zoo.load(NAME)


def test_a_network_of_the_zoo(known: rb.zoo.KnownNetwork) -> None:
    score = rb.score(known.code, known)
    assert (score.bit_f1, score.failing_sets_f1, score.exact_hashes) == (1.0, 1.0, 1.0)
    assert score == rb.score(known.code, known, sets=known.sets(2000))
    other = rb.score(rb.zoo.load(NAME, seed=1).code, known).bit_f1
    interval = rb.score_controls(known, draws=8)["other seed"].interval("bit_f1")
    assert interval is not None and other is not None
    assert interval[0] <= other <= interval[1]  # shuffled hashes have the law of another seed
    with pytest.raises(UsageError, match=f"{NAME} has its own; leave it out, or give net.net"):
        rb.score(known.code, known, code=CODE)


def test_a_network_of_ones_own() -> None:
    net = rb.construct(CODE)
    read = rb.score(net.W_in, net)
    assert (read.bit_f1, read.failing_sets_f1, read.explained_variance) == (1.0, None, None)
    said = rb.score(net.W_in, net, code=CODE, sets=SETS)
    assert said.failing_sets == said.failing_sets_of_code
    with pytest.raises(UsageError, match=r"code has shape \(3, 16\): the network has \(12, 16\)"):
        rb.score(net.W_in, net, code=rb.Code(CODE.bits[:3]))


@pytest.mark.usefixtures("unchecked")
def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(UsageError, match=r"net is 3 \(int\): give a network of rb.zoo.load\(name"):
        rb.score(CODE, 3)  # type: ignore[arg-type]


def test_a_run_folder_has_the_code_that_lies_there(tmp_path: Path) -> None:
    net = rb.construct(CODE)
    net.save_pretrained(tmp_path, {"task": {"vocab_size": 12, "set_size": 3, "source": "uniform"}})
    assert named_truth(str(tmp_path)).code is None
    CODE.save(tmp_path / "code.npz")
    truth = named_truth(str(tmp_path))
    assert truth.code is not None and truth.sets is not None
    assert (truth.code.bits == CODE.bits).all()
    assert truth.sets.shape == (220, 3)  # all sets of 3 of 12 tokens
    rb.Code(CODE.bits[:4]).save(tmp_path / "code.npz")
    with pytest.raises(
        FileError, match=r"is of shape \(4, 16\) and the network's W_in of \(12, 16"
    ):
        named_truth(str(tmp_path))


def test_files_of_what_was_found(tmp_path: Path) -> None:
    atoms, codes = np.ones((2, 16), dtype=np.float16), np.ones((3, 2))
    np.save(tmp_path / "a.npy", atoms)
    np.savez(tmp_path / "a.npz", atoms=atoms, codes=codes, sets=np.array(SETS))
    save_file({"decoder": torch.ones(2, 16)}, tmp_path / "a.safetensors")
    assert read_found(tmp_path / "a.npy")["atoms"].dtype == np.float16
    assert set(read_found(tmp_path / "a.npz")) == {"atoms", "codes", "sets"}
    assert read_found(tmp_path / "a.safetensors")["atoms"].shape == (2, 16)
    np.savez(tmp_path / "b.npz", atoms=atoms, bias=codes)
    np.save(tmp_path / "c.npy", np.array([object()]), allow_pickle=True)
    for name, said in (
        ("b.npz", "holds atoms, bias: call the directions atoms"),
        ("c.npy", "cannot read .*c.npy .*; save it with np.save"),
        ("none.npy", "cannot read .*none.npy"),
        ("a.csv", "has the suffix '.csv': what was found comes as .npy, .npz, .safetensors"),
    ):
        with pytest.raises(FileError, match=said) as caught:
            read_found(tmp_path / name)
        assert "\n" not in str(caught.value)
