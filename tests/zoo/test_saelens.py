"""What SAELens takes; against SAELens itself where it is installed."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from build.zoo import ZIPF, small
from relubloom.errors import UsageError
from relubloom.network.imports.verify import indicator
from relubloom.zoo.known import KnownNetwork, load_entry
from relubloom.zoo.saelens import Dictionary, Indicators, write_synthetic_model


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> KnownNetwork:
    return small("trained-binary", tmp_path_factory.mktemp("cache"))


def test_the_folder_is_the_pre_activations(known: KnownNetwork, tmp_path: Path) -> None:
    files = write_synthetic_model(known, tmp_path)
    assert sorted(files) == sorted(path.name for path in tmp_path.iterdir())
    tensors = load_file(tmp_path / "synthetic_model.safetensors")
    sets = known.sets(40)
    pre = indicator(sets, 20).float() @ tensors["feature_vectors"] + tensors["bias"]
    torch.testing.assert_close(pre, known.activations(sets, "hook_pre"))
    assert torch.equal(tensors["firing_probabilities"], torch.full((20,), 3 / 20))
    config = json.loads((tmp_path / "synthetic_model_config.json").read_text())
    assert (config["num_features"], config["hidden_dim"]) == (20, 12)


def test_a_bias_that_is_0_in_some_units_only_is_one(tmp_path: Path) -> None:
    parity = small("planted-parity", tmp_path)  # biases are 0, -1 and -2
    write_synthetic_model(parity, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "synthetic_model_config.json").read_text())["bias"]


def test_firing_probabilities_of_zipf_sets_are_counted(tmp_path: Path) -> None:
    write_synthetic_model(load_entry(ZIPF, 0, tmp_path), tmp_path / "out")
    firing = load_file(tmp_path / "out" / "synthetic_model.safetensors")["firing_probabilities"]
    assert float(firing.sum()) == pytest.approx(3, abs=1e-4)
    assert firing[0] > 4 * firing[19]


@pytest.mark.parametrize("hook", ["hook_pre", "hook_post"])
def test_the_dictionary_gives_the_activations(hook: str, known: KnownNetwork) -> None:
    sets = known.sets(40)
    dictionary = Dictionary(known, hook)
    assert not any(value.requires_grad for value in dictionary.parameters())
    found = dictionary(indicator(sets, 20).float())
    torch.testing.assert_close(found, known.activations(sets, hook))
    with pytest.raises(UsageError, match=r"hook is 'hook_in': choose one of"):
        Dictionary(known, "hook_in")


def test_indicators_are_the_next_sets_of_a_seed(known: KnownNetwork) -> None:
    draw = Indicators(known, seed=6)
    found = torch.cat([draw(5), draw.sample(3)])
    assert torch.equal(found, indicator(known.sets(8, seed=6), 20).float())


def test_saelens_loads_the_folder(known: KnownNetwork, tmp_path: Path) -> None:
    synthetic = pytest.importorskip("sae_lens.synthetic")
    write_synthetic_model(known, tmp_path)
    model = synthetic.SyntheticModel.load_from_disk(tmp_path)
    sets = known.sets(40)
    pre = model.feature_dict(indicator(sets, 20).float())
    torch.testing.assert_close(pre, known.activations(sets, "hook_pre"))
    assert model.sample(6).shape == (6, 12)
    assert model.activation_generator.firing_probabilities.mean() == pytest.approx(3 / 20)


def test_saelens_trains_on_the_network_and_judges(known: KnownNetwork) -> None:
    synthetic = pytest.importorskip("sae_lens.synthetic")
    sae_lens = pytest.importorskip("sae_lens")
    config = sae_lens.TopKTrainingSAEConfig(d_in=12, d_sae=20, k=3)
    sae = sae_lens.TopKTrainingSAE(config)
    dictionary, indicators = Dictionary(known), Indicators(known)
    synthetic.train_toy_sae(sae, dictionary, indicators, training_samples=512, batch_size=64)
    found = synthetic.eval_sae_on_synthetic_data(sae, dictionary, indicators, num_samples=200)
    assert found.true_l0 == 3
    assert 0 < found.mcc <= 1
