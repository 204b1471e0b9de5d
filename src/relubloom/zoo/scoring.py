"""`score`: how much of a known network's mechanism a method found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from relubloom import reading
from relubloom.code import Code, GradedCode
from relubloom.errors import FileError, UsageError, described
from relubloom.evidence.recovery import ControlScores, Score, Truth, controls_of, score_against
from relubloom.evidence.recovery.atoms import Found
from relubloom.measure.one_pass import one_of_each_part
from relubloom.network.extract import extract_code
from relubloom.network.imports.files import read_tensors
from relubloom.network.relu_net import ReluNet
from relubloom.records.folder_task import read_task
from relubloom.records.run_folder import CODE, read_graded_code
from relubloom.task import SetsLike, as_ids
from relubloom.zoo.known import KnownNetwork, load

ARRAYS = ("atoms", "codes", "sets")  # names in a file of what was found
SUFFIXES = (".npy", ".npz", ".safetensors")
SCORED = 2_000  # sets of the network's source, where none are given


def score(
    found: Found,
    net: KnownNetwork | ReluNet,
    *,
    codes: Any = None,
    sets: SetsLike | None = None,
    hook: str = "hook_post",
    code: Code | GradedCode | None = None,
) -> Score:
    """Compare what a method found with what is known, up to permutation, sign and scale.

    Args:
        found: directions [atoms, width], an array, a tensor or lists, of any precision; as a
            dictionary's rows, or the side of each rank-one piece of W_in that writes to the units.
            A `Code` or `GradedCode` will do.
        net: of `rb.zoo.load`, or any network.
        codes: how much of each atom is in the activations on each of `sets`, [sets, atoms]; with
            codes an atom that none has is dead.
        sets: what figures of sets are over: ids [sets, set_size]. By default 2,000 of the source of
            a network of the zoo, `net.sets(2000)`; any other network has none.
        hook: "hook_post" or "hook_pre": where the activations are that were taken apart.
        code: the truth, of a network that is not of the zoo; by default `rb.extract_code(net)`.

    Raises:
        UsageError: found or codes are no matrix of finite numbers, or do not fit; the network is
            none; a code is given beside a network of the zoo.

    Cost: 0.1 s for 256 atoms; the assignments take O(n^3), 1 s for 2,000 atoms and tokens.
    """
    return score_against(truth_of(net, sets, code), found, codes, hook)


def score_controls(
    net: KnownNetwork | ReluNet,
    *,
    sets: SetsLike | None = None,
    code: Code | GradedCode | None = None,
    atoms: int | None = None,
    draws: int = 16,
    seed: int = 0,
) -> dict[str, ControlScores]:
    """What `score` says of the truth and of chance; see `evidence.recovery.controls_of`.

    `net`, `sets` and `code` are as for `score`. Cost: that of 3 draws + 2 scores.
    """
    return controls_of(truth_of(net, sets, code), atoms, draws, seed)


def truth_of(net: object, sets: SetsLike | None, code: Code | GradedCode | None = None) -> Truth:
    """What is known of a network, as `score` takes it.

    Raises:
        UsageError: as `score`.
    """
    if isinstance(net, KnownNetwork):
        if code is not None:
            raise UsageError(
                f"code is {described(code)}: {net.name} has its own; leave it out, or give net.net"
            )
        ids = net.sets(SCORED) if sets is None else as_ids(sets, net.net.vocab_size)
        return Truth(net.net, net.code, ids)
    if not isinstance(net, ReluNet):
        raise UsageError(
            f"net is {described(net)}: give a network of rb.zoo.load(name), or a ReluNet"
        )
    truth = extract_code(net) if code is None else code
    if not hasattr(truth, "bits"):
        raise UsageError(f"code is {described(code)}: give a Code or a GradedCode")
    if truth.bits.shape != net.W_in.shape:
        raise UsageError(
            f"code has shape {truth.bits.shape}: the network has {tuple(net.W_in.shape)}, tokens "
            "and units; give its own code"
        )
    return Truth(net, truth, None if sets is None else as_ids(sets, net.vocab_size))


def named_truth(name: str, seed: int = 0, sets: SetsLike | None = None) -> Truth:
    """What is known of a network of the zoo, or of a run folder: its code is that of `code.npz`.

    A folder without `code.npz` has no code.

    Raises:
        UsageError: there is no such network and no such folder.
        FileError: the folder's files are damaged, or its task is unknown.
    """
    folder = Path(name)
    if not folder.is_dir():
        return truth_of(load(name, seed=seed), sets)
    net = ReluNet.from_pretrained(folder)
    code = read_graded_code(folder)
    if code is not None and code.bits.shape != net.W_in.shape:
        raise FileError(
            f"{folder / CODE} is of shape {code.bits.shape} and the network's W_in of "
            f"{tuple(net.W_in.shape)}: make the code again with `relubloom examine {folder}`"
        )
    if sets is None:
        task = read_task(folder, net)
        everything = task.evaluation_sets()
        chosen = np.random.default_rng(0).permutation(one_of_each_part(len(everything), SCORED))
        sets = torch.cat([everything.chunk(n, n + 1) for n in chosen.tolist()])
    return Truth(net, code, as_ids(sets, net.vocab_size))


def read_found(path: Path) -> dict[str, Any]:
    """The arrays of a file: `atoms`, and where they are there `codes` and `sets`.

    A file of one array has the atoms, whatever their name.

    Raises:
        FileError: it cannot be read, is of another kind, or has other arrays.
    """
    if path.suffix not in SUFFIXES:
        raise FileError(
            f"{path} has the suffix {path.suffix or 'none'!r}: what was found comes as "
            f"{', '.join(SUFFIXES)}; save it as one of them"
        )
    if path.suffix != ".npy":
        arrays: dict[str, Any] = dict(read_tensors(path))
    else:
        try:
            arrays = {"atoms": reading.array_of(reading.read_bytes(path, reading.ARRAYS))}
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise FileError(f"cannot read {path} ({reason}); save it with np.save") from None
    if len(arrays) == 1:
        return {"atoms": next(iter(arrays.values()))}
    if "atoms" not in arrays or set(arrays) - set(ARRAYS):
        raise FileError(
            f"{path} holds {', '.join(sorted(arrays)) or 'nothing'}: call the directions atoms, "
            "their codes codes, and the sets that these are of sets; leave out the rest"
        )
    return arrays
