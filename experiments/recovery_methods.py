"""Methods that look for a network's directions in its activations, at settings fixed beforehand.

Each takes activations [sets, width] with what is known of their number, and gives directions
[atoms, width], with codes for other activations where it has an encoder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass
from io import StringIO

import numpy as np
import torch
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
STEPS, BATCH, RATE = 1_500, 512, 3e-3  # of the autoencoders: Adam, the rate falls in the last fifth
DRAWN, TOKENS_A_DRAW = 1_000_000, 25  # triples that `unions` intersects at a time, and how often
PATTERNS = 20  # of these intersections, a token, that it looks at
ENOUGH = 10  # sets that cover a pattern, before bits are kept in it


@dataclass(frozen=True)
class Task:
    """Activations to look in, and the numbers that every method is told: tokens, set size, seed."""

    activations: Matrix
    tokens: int
    set_size: int
    seed: int


@dataclass(frozen=True)
class Answer:
    """Directions, and how to read codes [sets, atoms] off activations."""

    directions: Matrix
    encode: Callable[[Matrix], Matrix] | None = None


def pca(task: Task) -> Answer:
    """Principal components: as many as there are units, at most."""
    from sklearn.decomposition import PCA

    fitted = PCA(random_state=task.seed).fit(task.activations)
    return Answer(fitted.components_, fitted.transform)


def ica(task: Task) -> Answer:
    """FastICA: as many components as there are units, at most."""
    from sklearn.decomposition import FastICA

    fitted = FastICA(max_iter=500, tol=1e-3, random_state=task.seed).fit(task.activations)
    return Answer(fitted.mixing_.T, fitted.transform)


def nmf(task: Task) -> Answer:
    """Non-negative factors of how far each unit is below its largest activation."""
    from sklearn.decomposition import MiniBatchNMF

    top = task.activations.max(0)
    fitted = MiniBatchNMF(
        task.tokens, init="random", max_iter=30, batch_size=1024, random_state=task.seed
    ).fit((top - task.activations).clip(min=0))
    return Answer(-fitted.components_, lambda x: fitted.transform((top - x).clip(min=0)))


def dictionary(task: Task) -> Answer:
    """Sparse dictionary learning; codes have as many atoms as sets have tokens."""
    from sklearn.decomposition import MiniBatchDictionaryLearning

    mean = task.activations.mean(0)
    fitted = MiniBatchDictionaryLearning(
        task.tokens,
        max_iter=1,
        batch_size=512,
        fit_algorithm="cd",
        transform_algorithm="omp",
        transform_n_nonzero_coefs=task.set_size,
        random_state=task.seed,
    ).fit(task.activations - mean)
    return Answer(fitted.components_, lambda x: fitted.transform(x - mean))


def standard(task: Task) -> Answer:
    """SAELens' standard autoencoder: ReLU latents and an L1 penalty."""
    from sae_lens import StandardTrainingSAE, StandardTrainingSAEConfig

    settings = StandardTrainingSAEConfig(
        d_in=task.activations.shape[1], d_sae=task.tokens, l1_coefficient=1.0, l1_warm_up_steps=300
    )
    return autoencoder(StandardTrainingSAE(settings), task)


def top_k(task: Task) -> Answer:
    """SAELens' top-k autoencoder, k the set size."""
    from sae_lens import TopKTrainingSAE, TopKTrainingSAEConfig

    settings = TopKTrainingSAEConfig(
        d_in=task.activations.shape[1], d_sae=task.tokens, k=task.set_size
    )
    return autoencoder(TopKTrainingSAE(settings), task)


def jump_relu(task: Task) -> Answer:
    """SAELens' JumpReLU autoencoder, its number of active latents pulled to the set size."""
    from sae_lens import JumpReLUTrainingSAE, JumpReLUTrainingSAEConfig

    settings = JumpReLUTrainingSAEConfig(
        d_in=task.activations.shape[1],
        d_sae=task.tokens,
        jumprelu_sparsity_loss_mode="quadratic",
        target_l0=float(task.set_size),
        l0_coefficient=0.3,
        l0_warm_up_steps=300,
    )
    return autoencoder(JumpReLUTrainingSAE(settings), task)


def autoencoder(sae: object, task: Task) -> Answer:
    """Train one of SAELens' autoencoders by its own trainer."""
    from sae_lens import SAETrainer
    from sae_lens.config import LoggingConfig, SAETrainerConfig

    settings = SAETrainerConfig(
        total_training_samples=STEPS * BATCH,
        train_batch_size_samples=BATCH,
        lr=RATE,
        lr_end=RATE,
        lr_decay_steps=STEPS // 5,
        logger=LoggingConfig(log_to_wandb=False),
    )
    with redirect_stderr(StringIO()):  # of its progress bar
        SAETrainer(settings, sae, batches(task)).fit()
    sae.eval()

    def encode(x: Matrix) -> Matrix:
        with torch.no_grad():
            return sae.encode(torch.from_numpy(x).float()).double().numpy()

    return Answer(sae.W_dec.detach().double().numpy(), encode)


def batches(task: Task) -> Iterator[torch.Tensor]:
    """Shuffled activations without end."""
    data = torch.from_numpy(task.activations).float()
    generator = torch.Generator().manual_seed(task.seed)
    while True:
        yield from (
            part
            for part in data[torch.randperm(len(data), generator=generator)].split(BATCH)
            if len(part) == BATCH
        )


def unions(task: Task) -> Answer:
    """Knows the structure, and which numbers of tokens there are, but no set's tokens.

    A unit is off where a union of hashes covers it: an activation of at most half of the unit's
    largest counts as off. What three random sets cover in common holds the hash of a token that
    all three have, where there is one, and a few bits more. So the largest of many such patterns
    are mended (`Unions.mended`), and those that are as frequent as a token are hashes.
    """
    seen = Unions.of(task)
    found: Counter[int] = Counter()
    for pattern in seen.in_common(task):
        mended = seen.mended(pattern)
        if mended is not None:
            found[mended] += 1
    kept: list[int] = []
    for pattern, _ in found.most_common():  # a hash is found more often than what is wrong
        if len(kept) < task.tokens and not any(pattern & one in (pattern, one) for one in kept):
            kept.append(pattern)
    units = range(task.activations.shape[1])
    return Answer(-np.array([[pattern >> unit & 1 for unit in units] for pattern in kept]))


@dataclass(frozen=True)
class Unions:
    """The covered units of each set as a word of bits, and how often a token is in a set."""

    words: NDArray[np.uint64]
    rates: Matrix
    often: float

    @classmethod
    def of(cls, task: Task) -> Unions:
        """Of activations of at most 64 units."""
        off = task.activations <= task.activations.max(0) / 2
        words = off @ (np.uint64(1) << np.arange(off.shape[1], dtype=np.uint64))
        return cls(words, off.mean(0), len(off) * task.set_size / task.tokens)

    def in_common(self, task: Task) -> Iterator[np.uint64]:
        """What triples of sets cover in common, the largest of such patterns."""
        draw = np.random.default_rng(task.seed)
        largest = np.zeros(0, dtype=np.uint64)
        for _ in range(task.tokens // TOKENS_A_DRAW + 1):
            one, two, three = self.words[draw.integers(len(self.words), size=(3, DRAWN))]
            common = one & two & three
            common = common[np.argsort(np.bitwise_count(common))[-PATTERNS * task.tokens :]]
            largest = np.union1d(largest, common)
            largest = largest[np.argsort(np.bitwise_count(largest))[-PATTERNS * task.tokens :]]
        yield from largest[::-1]

    def mended(self, pattern: np.uint64) -> int | None:
        """The pattern less its chance bits, with what it lacks; None if it is no token's.

        A bit goes as long as that makes the sets that cover the rest more frequent by half: that is
        so of a bit that is there by chance, and not of a bit of a hash. Then a bit comes as long
        as three quarters of the sets above chance cover it too.
        """
        while True:
            lacking = pattern & ~self.words
            lacks = np.bitwise_count(lacking)
            covering = int((lacks == 0).sum())
            bits, gains = np.unique(lacking[lacks == 1], return_counts=True)
            if not len(bits) or (gains.max() < covering / 2 and covering >= ENOUGH):
                break
            pattern = pattern & ~bits[gains.argmax()]
        while True:
            covering = self.words[(self.words & pattern) == pattern]
            chance = len(self.words) * self.rates[(pattern & self.single) > 0].prod()
            excess = len(covering) - chance
            if not 0.5 < excess / self.often < 1.6:
                return None
            free = self.single[(pattern & self.single) == 0]
            more = ((covering[:, None] & free) > 0).sum(0) - chance * self.rates[
                (pattern & self.single) == 0
            ]
            if not len(free) or more.max() < 0.75 * excess:
                return int(pattern)
            pattern = pattern | free[more.argmax()]

    @property
    def single(self) -> NDArray[np.uint64]:
        """A word for each unit."""
        return np.uint64(1) << np.arange(len(self.rates), dtype=np.uint64)
