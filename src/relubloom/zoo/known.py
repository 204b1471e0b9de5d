"""`KnownNetwork`: a network of the zoo with all that is known of it; made once, then cached."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

from jaxtyping import Float, Int64
from torch import Tensor, nn

from relubloom import atomic, reading
from relubloom._version import __version__
from relubloom.code import Code, GradedCode, export_csv
from relubloom.errors import (
    FileError,
    UsageError,
    as_path,
    check_choice,
    check_seed,
    whole,
)
from relubloom.evidence.certificate import certify
from relubloom.evidence.certificate.by_method import Effort
from relubloom.network.imports.verify import indicator
from relubloom.network.relu_net import ReluNet
from relubloom.network.weights_file import CONFIG, WEIGHTS
from relubloom.reading import sha256_of
from relubloom.records.certificate import Certificate
from relubloom.records.files import FILE_NAMES, read_record, write_record
from relubloom.records.folder_task import read_task
from relubloom.records.labels import read_labels
from relubloom.records.run_folder import CODE, TOKENS
from relubloom.task import KSparseTask
from relubloom.zoo.catalogue import SET_SIZE, CatalogueEntry, entry_of
from relubloom.zoo.making import make
from relubloom.zoo.meaning import UnitMeaning, meanings
from relubloom.zoo.sets import SETS, Drawing, drawing

ZOO, UNITS, TABLE, CARD = "zoo.json", "units.json", "code.csv", "README.md"
HOOKS = ("hook_post", "hook_pre")
MEASURED = 20_000  # drawn sets that measured figures are over
EFFORT = Effort(float64=10**11, float32=10**12)  # of certificates: seconds on an idle core


@dataclass(frozen=True, eq=False)
class KnownNetwork:
    """A network of the zoo, and what is known of it.

    `code` is the truth that a method is to find: a `Code` or a `GradedCode` of the network's own
    units, None where there is none (nearly linear). Of a constructed network it was there before
    the network; of a trained one it is read off the weights, and the card says how well it
    explains them. Of a planted majority or parity a bit says that a unit *counts* a token, and
    nothing is a union: as a filter this code is wrong on purpose.

    `folder` is the cached run folder: leave it as it is, and `save` a copy.
    """

    entry: CatalogueEntry
    seed: int
    net: ReluNet
    code: Code | GradedCode | None
    task: KSparseTask
    folder: Path

    def __repr__(self) -> str:
        return f"KnownNetwork({self.name!r}, seed={self.seed}, code={self.code!r})"

    @property
    def name(self) -> str:
        """What `load` took."""
        return self.entry.name

    @property
    def kind(self) -> str:
        """The first part of the name, such as "trained-binary"."""
        return self.entry.kind

    @property
    def version(self) -> int:
        """The version of the recipe; name, version and seed say which network it is."""
        return self.entry.version

    def sets(self, n: int, seed: int = 0) -> Int64[Tensor, "sets set_size"]:
        """`n` sets of the network's source; a larger n goes on where a smaller one ends.

        None of them are the batches that it was trained on, though small sets may recur.

        Raises:
            UsageError: n is below 1, or not a whole number.
        """
        if whole("n", n) < 1:
            raise UsageError(f"n is {n}: at least 1 set is drawn; raise it")
        return self.drawn(seed)(0, int(n))

    def drawn(self, seed: int = 0) -> Drawing:
        """Sets number start up to stop of those that `sets` begins."""
        return drawing(self.entry, self.task, f"zoo {whole('seed', seed)}")

    def activations(
        self, sets: Int64[Tensor, "sets set_size"], hook: str = "hook_post"
    ) -> Float[Tensor, "sets width"]:
        """The hidden layer on these sets, after the ReLU or ("hook_pre") before it.

        Raises:
            UsageError: there is no such hook, or the sets are none of the vocabulary.
        """
        check_choice("hook", hook, *HOOKS)
        return self.net.run_with_cache(sets, hook)[1][hook]

    def batches(
        self, size: int, seed: int = 0, hook: str = "hook_post"
    ) -> Iterator[tuple[Float[Tensor, "sets width"], Float[Tensor, "sets vocab"]]]:
        """Batch after batch of (activations, indicators of the sets), without end.

        They are those of `sets(..., seed)`, in order.
        """
        draw = self.drawn(seed)
        for start in count(0, size):
            sets = draw(start, start + size)
            yield self.activations(sets, hook), indicator(sets, self.net.vocab_size).float()

    @cached_property
    def certificate(self) -> Certificate:
        """What holds of its answers over all sets of its size, all counting alike; kept.

        Proven where that takes half a minute at most; else bounds, or a sample, which says so.
        """
        with suppress(FileError):
            if (found := read_record(self.folder, Certificate)) is not None:
                return found
        found = certify(self.net, SET_SIZE, effort=EFFORT)
        with suppress(FileError):  # a cache that may only be read
            write_record(self.folder, found)
        return found

    @cached_property
    def meaning(self) -> tuple[UnitMeaning, ...]:
        """Which tokens each unit reads, and what it makes of them."""
        return tuple(UnitMeaning(**unit) for unit in reading.read_json(self.folder / UNITS))

    @cached_property
    def linear(self) -> KnownNetwork:
        """The network without a ReLU of the same sizes and source, of seed 0, as its control.

        Cost: on first use that of training it.
        """
        return load_entry(self.entry.linear, 0, cache=self.folder.parents[3])

    @cached_property
    def card(self) -> str:
        """What is known of it and how, as Markdown; measured on first use, then kept."""
        path = self.folder / CARD
        if path.exists():
            return path.read_text(encoding="utf-8")
        from relubloom.zoo.card import card_of
        from relubloom.zoo.figures import measure

        text = card_of(self, measure(self))
        with suppress(FileError):
            atomic.write_text(path, text)
        return text

    def save(self, folder: Path | str) -> list[str]:
        """Write it as a run folder with its code, units, certificate and card; the files' names.

        `examine`, `certify` and `report` work on it as on any run folder.

        Raises:
            FileError: the folder cannot be written.
        """
        folder, written = as_path("folder", folder), [CARD]
        for path in _files(self.folder):
            atomic.write_bytes(folder / path.name, path.read_bytes())
            written.append(path.name)
        atomic.write_text(folder / CARD, self.card)
        write_record(folder, self.certificate)
        if self.entry.source == "correlated":
            config = reading.read_json(folder / CONFIG)
            config["task"]["sets"] = str(folder / SETS)
            atomic.write_json(folder / CONFIG, config)
        return sorted([*written, FILE_NAMES[Certificate]])

    def to_module(self) -> nn.Sequential:
        """Linear, ReLU, Linear on indicator rows [batch, vocab]; copies."""
        return self.net.to_module()


def load(name: str, *, seed: int = 0, cache: Path | str | None = None) -> KnownNetwork:
    """A network of the zoo, by its name: the same for the same name, version and seed.

    It is made once, and kept in `cache`, by default $RELUBLOOM_CACHE or ~/.cache/relubloom. A
    damaged entry there is made again. Trained networks are the same bit for bit on one machine
    and one version of PyTorch; on another their last bits may differ.

    Raises:
        UsageError: there is no such network, or the seed is no whole number from 0 on.
        FileError: it has to be made, and the cache cannot be written.
    """
    entry = entry_of(name)
    check_seed(seed)
    return load_entry(entry, int(seed), _cache() if cache is None else as_path("cache", cache))


def load_entry(entry: CatalogueEntry, seed: int, cache: Path) -> KnownNetwork:
    """`load`, of an entry."""
    folder = cache / "zoo" / entry.name / f"v{entry.version}" / f"seed-{seed}"
    if not _is_whole(folder):
        _make(entry, seed, folder)
    return _read(entry, seed, folder)


def _cache() -> Path:
    """That of this machine."""
    if given := os.environ.get("RELUBLOOM_CACHE"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "relubloom"


def _files(folder: Path) -> list[Path]:
    """What an entry consists of, the mark of a run first; its certificate and card come later."""
    names = (WEIGHTS, CONFIG, TOKENS, CODE, TABLE, UNITS, SETS)
    return [folder / name for name in names if (folder / name).exists()]


def _make(entry: CatalogueEntry, seed: int, folder: Path) -> None:
    """Write the entry's files, and `zoo.json` with their hashes last: so it is whole or not."""
    try:
        atomic.check_writable(folder)
    except FileError as error:
        raise FileError(
            f"the cache cannot be written ({error}): set RELUBLOOM_CACHE to a folder of yours"
        ) from None
    for name in (CARD, FILE_NAMES[Certificate]):  # made of what is made again
        (folder / name).unlink(missing_ok=True)
    net, code = make(entry, seed, folder)
    if code is not None:
        code.save(folder / CODE)
        export_csv(code, folder / TABLE, read_labels(folder, net.vocab_size))
    task = read_task(folder, net)
    sets = drawing(entry, task, "units")(0, MEASURED)
    units = [vars(unit) for unit in meanings(entry, net, code, sets)]
    atomic.write_json(folder / UNITS, units)
    whole_entry: dict[str, Any] = {
        "name": entry.name,
        "version": entry.version,
        "seed": seed,
        "relubloom_version": __version__,
        "sha256": {path.name: sha256_of(path) for path in _files(folder)},
    }
    atomic.write_json(folder / ZOO, whole_entry)


def _is_whole(folder: Path) -> bool:
    """Whether every file of the entry is as it was written."""
    try:
        said = reading.read_json(folder / ZOO)["sha256"]
        return said == {path.name: sha256_of(path) for path in _files(folder)}
    except (FileError, KeyError, TypeError):
        return False


def _read(entry: CatalogueEntry, seed: int, folder: Path) -> KnownNetwork:
    net = ReluNet.from_pretrained(folder)
    net.requires_grad_(False)
    code = None
    if (folder / CODE).exists():
        graded = entry.kind.endswith("graded")
        code = GradedCode.load(folder / CODE) if graded else Code.load(folder / CODE)
    return KnownNetwork(entry, seed, net, code, read_task(folder, net), folder)
