"""What SAELens takes: its synthetic-model folder, and objects in place of its own.

SAELens is not needed here. Its synthetic models are sums of feature vectors and a bias, which is
what a network's pre-activations are. Its `sample` draws each feature by itself: so its sets are of
any size, and `Dictionary` and `Indicators` are there to draw the network's own.
"""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import Float
from safetensors.torch import save
from torch import Tensor, nn

from relubloom import atomic
from relubloom.errors import as_path, check_choice
from relubloom.network.imports.verify import indicator
from relubloom.zoo.catalogue import SET_SIZE
from relubloom.zoo.known import HOOKS, KnownNetwork
from relubloom.zoo.sets import Drawing

CONFIG, WEIGHTS = "synthetic_model_config.json", "synthetic_model.safetensors"
COUNTED = 100_000  # drawn sets that firing probabilities are counted on, where they are not k/N


def write_synthetic_model(known: KnownNetwork, folder: Path | str) -> list[str]:
    """Write the pre-activations as a synthetic model that SAELens loads; the files' names.

    `SyntheticModel.load_from_disk(folder).feature_dict(indicators)` is `hook_pre`, up to rounding:
    `feature_vectors` are the rows of W_in and `bias` is b_in. `firing_probabilities` is the share
    of the sets that hold each token: k/N, of Zipf's sets counted on 100,000 of them.

    Raises:
        FileError: the folder cannot be written.
    """
    net, folder = known.net, as_path("folder", folder)
    config = {
        "num_features": net.vocab_size,
        "hidden_dim": net.width,
        "firing_probability": {
            "generator_name": "constant",
            "probability": SET_SIZE / net.vocab_size,
        },
        "hierarchy": None,
        "orthogonalization": None,
        "correlation": None,
        "std_firing_magnitudes": 0.0,
        "mean_firing_magnitudes": 1.0,
        "bias": bool(net.b_in.any()),
        "dtype": "float32",
        "seed": known.seed,
    }
    tensors = {
        "feature_vectors": net.W_in.detach().contiguous(),
        "bias": net.b_in.detach().contiguous(),
        "firing_probabilities": _firing(known),
    }
    atomic.write_json(folder / CONFIG, config)
    atomic.write_bytes(folder / WEIGHTS, save(tensors))
    return [WEIGHTS, CONFIG]


def _firing(known: KnownNetwork) -> Float[Tensor, " vocab"]:
    vocab = known.net.vocab_size
    if known.entry.source != "zipf":
        return torch.full((vocab,), SET_SIZE / vocab)
    return torch.bincount(known.sets(COUNTED).flatten(), minlength=vocab).float() / COUNTED


class Dictionary(nn.Module):
    """A network's hidden layer in place of SAELens' `FeatureDictionary`.

    Attributes:
        feature_vectors: [vocab, width], what each token adds to the pre-activations.
        bias: [width].

    Raises:
        UsageError: there is no such hook.
    """

    def __init__(self, known: KnownNetwork, hook: str = "hook_post") -> None:
        super().__init__()
        check_choice("hook", hook, *HOOKS)
        net = known.net
        self.hook: str = hook
        self.num_features: int = net.vocab_size
        self.hidden_dim: int = net.width
        self.feature_vectors: nn.Parameter = _fixed(net.W_in)
        self.bias: nn.Parameter = _fixed(net.b_in)

    def forward(
        self, feature_activations: Float[Tensor, "batch vocab"]
    ) -> Float[Tensor, "batch width"]:
        """The activations of sets that are given as indicators."""
        pre = feature_activations @ self.feature_vectors + self.bias
        return pre.relu() if self.hook == "hook_post" else pre


class Indicators(nn.Module):
    """A network's sets in place of SAELens' `ActivationGenerator`, each call the next ones."""

    def __init__(self, known: KnownNetwork, seed: int = 0) -> None:
        super().__init__()
        self.draw: Drawing = known.drawn(seed)
        self.drawn: int = 0
        self.num_features: int = known.net.vocab_size

    def sample(self, batch_size: int) -> Float[Tensor, "batch vocab"]:
        """The indicators of so many sets."""
        start, self.drawn = self.drawn, self.drawn + batch_size
        return indicator(self.draw(start, self.drawn), self.num_features).float()

    def forward(self, batch_size: int) -> Float[Tensor, "batch vocab"]:
        """As `sample`."""
        return self.sample(batch_size)


def _fixed(tensor: Tensor) -> nn.Parameter:
    return nn.Parameter(tensor.detach().clone(), requires_grad=False)
