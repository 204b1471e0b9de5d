"""Examine the layer of a real model: `logit_layer` of g2pM, which reads Chinese characters aloud.

    pip install --no-deps --target somewhere g2pM
    python examples/g2pm_layer.py somewhere/g2pM

The model is an embedding, a BiLSTM, and 64 -> 32 units, a ReLU, -> 876 pronunciations. A token here
is a pronunciation, and its direction the mean of what comes into the layer where the model answers
it. The weights are a pickle of NumPy arrays; they are read here by an unpickler that builds arrays
and nothing else.
"""

import argparse
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import relubloom as rb

ALLOWED = {
    **{
        (f"numpy.{core}.multiarray", "_reconstruct"): np._core.multiarray._reconstruct
        for core in ("core", "_core")
    },
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}
FEWEST = 2  # contexts of a pronunciation: half are averaged, and the next one is shown


class ArraysOnly(pickle.Unpickler):
    """Builds NumPy arrays, and refuses to load anything else."""

    def find_class(self, module: str, name: str) -> Any:
        """The class of an array, or an error."""
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"the file asks for {module}.{name}: only arrays are read")
        return ALLOWED[module, name]


def read(path: Path) -> Any:
    """What a pickle of arrays, numbers and texts holds."""
    with path.open("rb") as file:
        return ArraysOnly(file).load()


class Tagger(nn.Module):
    """The model, for contexts of one length: the logits of the character in the middle."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        super().__init__()
        sizes = {name: value.shape for name, value in weights.items()}
        width, inputs = sizes["logit_layer.0.weight"]
        self.embedding = nn.Embedding(*sizes["embedding.weight"])
        self.lstm = nn.LSTM(
            sizes["embedding.weight"][1], inputs // 2, bidirectional=True, batch_first=True
        )
        self.logit_layer = nn.Sequential(
            nn.Linear(inputs, width),
            nn.ReLU(),
            nn.Linear(width, sizes["logit_layer.2.weight"][0]),
        )
        self.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})

    def inputs(self, contexts: Tensor) -> Tensor:
        """What comes into the layer, of the character in the middle."""
        states, _ = self.lstm(self.embedding(contexts))
        return states[:, contexts.shape[1] // 2]

    def forward(self, contexts: Tensor) -> Tensor:
        """Logits [batch, pronunciations]."""
        return self.logit_layer(self.inputs(contexts))


def contexts(characters: dict[str, int], count: int) -> Tensor:
    """Begin, a character, the one in question, a character, end: drawn at random."""
    begin, end = (list(characters)[i] for i in (2, 3))  # after <PAD> and <UNK>
    draw = torch.Generator().manual_seed(0)
    middle = torch.randint(4, len(characters), (count, 3), generator=draw)
    ends = torch.tensor([[characters[begin], characters[end]]]).expand(count, 2)
    return torch.cat([ends[:, :1], middle, ends[:, 1:]], 1)


def examine(folder: Path, count: int) -> rb.LayerEvidence:
    """Directions from half of the contexts, and the layer's true activations on the others."""
    model = Tagger(read(folder / "np_ckpt.pkl")).eval()
    with torch.no_grad():
        given = contexts(read(folder / "char2idx.pkl"), count)
        coming = torch.cat([model.inputs(part) for part in given.split(4096)])
        answers = model.logit_layer(coming).argmax(1)
    seen = [int(c) for c in answers.unique() if int((answers == c).sum()) >= FEWEST]
    where = [(answers == c).nonzero()[:, 0] for c in seen]
    halves = [len(at) // 2 for at in where]
    base = coming.mean(0)
    means = [coming[at[:half]].mean(0) for at, half in zip(where, halves, strict=True)]
    shown = torch.stack([given[at[half]] for at, half in zip(where, halves, strict=True)])

    def run(sets: Tensor) -> Tensor:
        """The model on the one context that is shown of each pronunciation."""
        return model(shown[sets[:, 0]])

    read_off = torch.eye(model.logit_layer[2].out_features)[:, seen]
    return rb.examine_layer(
        model.logit_layer,
        [[token] for token in range(len(seen))],
        inputs=run,
        directions=torch.stack(means) - base,
        base=base,
        readout=read_off,
    )


def main() -> None:
    """Print what was found."""
    parser = argparse.ArgumentParser(description="Examine the layer of g2pM.")
    parser.add_argument("folder", type=Path, help="the folder of the package, with np_ckpt.pkl")
    parser.add_argument("--contexts", type=int, default=100_000, help="random contexts to run")
    asked = parser.parse_args()
    found = examine(asked.folder, asked.contexts)
    mechanism, behaviour = found.evidence.mechanism, found.evidence.behaviour
    print(f"pronunciations that were answered: {found.net.vocab_size}")
    print(found.says)
    print(f"two modes {mechanism.two_modes}, near the threshold {mechanism.near_threshold:.1%}")
    print(f"unit agreement {mechanism.unit_agreement:.1%}, union skill {mechanism.union_skill:.2f}")
    print(f"the network's own verdict: {mechanism.verdict}")
    print(f"pronunciations it names from their mean input: {behaviour.p_exact:.1%}")


if __name__ == "__main__":
    main()
