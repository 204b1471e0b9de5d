"""`ReluNet`: the one-hidden-layer network, its forward pass on sets, hooks, and stacks of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int64
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import skip_init

from relubloom.errors import FileError, UsageError, as_path, check_dict, described, whole
from relubloom.network import weights_file
from relubloom.network.given_weights import WeightsLike, as_weights
from relubloom.shown import Shown, upstairs
from relubloom.task import KSparseTask, SetsLike, as_ids

HOOK_NAMES = ("hook_in", "hook_pre", "hook_post", "hook_out")


@dataclass(frozen=True)
class HookPoint:
    """Where a hook runs; passed to the hook as its second argument."""

    name: str


Hook = Callable[[Tensor, HookPoint], Tensor | None]
NamesFilter = str | Sequence[str] | Callable[[str], bool] | None


class ReluNet(Shown, nn.Module):
    """x (indicator of a set) -> pre = x @ W_in + b_in -> post = ReLU(pre) -> post @ W_out + b_out.

    Sets are int64 ids [batch, set_size]; an id equal to `vocab_size` is padding. The rows of the
    ids given are summed, so an id that stands twice counts twice; the indicator itself is never
    made. Activations: `hook_in` (the ids), `hook_pre`, `hook_post` [batch, width], `hook_out`
    (the logits, [batch, vocab]).

    Args:
        W_in: [vocab, width]: a tensor, which is shared, or an array or nested lists.
        b_in: [width]; None, as `nn.Linear(bias=False)` has it, is zeros.
        W_out: [width, vocab].
        b_out: [vocab]; None is zeros.

    `task` says which sets it was trained on, or what it was brought in for; `folder` is the run
    folder that it was read from. None where that is not known.

    Raises:
        UsageError: the shapes do not fit each other, one has another precision, or what is given
            is no matrix of numbers.
    """

    MAIN: ClassVar[tuple[str, ...]] = ("vocab_size", "width", "task")

    def __init__(
        self,
        W_in: WeightsLike,
        b_in: WeightsLike | None = None,
        W_out: WeightsLike | None = None,
        b_out: WeightsLike | None = None,
    ) -> None:
        super().__init__()
        weights = as_weights(W_in, b_in, W_out, b_out)
        weights_file.check_shapes({name: tuple(value.shape) for name, value in weights.items()})
        self.W_in: nn.Parameter = nn.Parameter(weights["W_in"])
        self.b_in: nn.Parameter = nn.Parameter(weights["b_in"])
        self.W_out: nn.Parameter = nn.Parameter(weights["W_out"])
        self.b_out: nn.Parameter = nn.Parameter(weights["b_out"])
        self.task: KSparseTask | None = None
        self.folder: Path | None = None

    @property
    def vocab_size(self) -> int:
        """Number of tokens, N; also the padding id."""
        return self.W_in.shape[0]

    @property
    def width(self) -> int:
        """Number of hidden units, d."""
        return self.W_in.shape[1]

    if TYPE_CHECKING:  # nn.Module's returns Any

        def __call__(self, sets: SetsLike) -> Tensor:
            """As `forward`."""
            ...

    def forward(self, sets: SetsLike) -> Float[Tensor, "batch vocab"]:
        """The logits [batch, vocab] of each set of ids, such as `[[0, 4], [7]]` or a tensor.

        Raises:
            UsageError: they are no sets of ids between 0 and vocab_size.

        Cost: 2 batch width vocab FLOPs; no array larger than the logits.
        """
        return self.run_with_hooks(sets, fwd_hooks=[])

    def run_with_hooks(
        self, sets: SetsLike, fwd_hooks: Iterable[tuple[str, Hook]]
    ) -> Float[Tensor, "batch vocab"]:
        """The logits [batch, vocab], with functions that may replace an activation on the way.

        `fwd_hooks` are pairs of a name and a function `fn(activation, hook)`; `hook.name` is that
        name. It returns None, or another activation of the same shape.

        Raises:
            UsageError: a hook's name is not one of `HOOK_NAMES`, or it returns something else.
        """
        try:
            hooks = [(name, function) for name, function in fwd_hooks]
        except (TypeError, ValueError):
            raise UsageError(
                f"fwd_hooks are {described(fwd_hooks)}: give pairs of a name and a function, such "
                'as [("hook_post", function)]'
            ) from None
        _refuse_unknown(name for name, _ in hooks)
        ids = self.checked(sets)
        replaced = _apply("hook_in", ids, hooks)
        if replaced is not ids:
            ids = self.checked(replaced)
        pre = _apply("hook_pre", self._gathered(ids) + self.b_in, hooks)
        post = _apply("hook_post", pre.relu(), hooks)
        return _apply("hook_out", torch.addmm(self.b_out, post, self.W_out), hooks)

    def run_with_cache(
        self, sets: SetsLike, names_filter: NamesFilter = None
    ) -> tuple[Float[Tensor, "batch vocab"], dict[str, Tensor]]:
        """The logits [batch, vocab], and the activations by name, detached.

        `names_filter` is a name, a list of names, or a function of a name; None keeps all.

        Raises:
            UsageError: a name is not one of `HOOK_NAMES`, or as `forward`.
        """
        keep = _filter(names_filter)
        cache: dict[str, Tensor] = {}

        def store(activation: Tensor, hook: HookPoint) -> None:
            cache[hook.name] = activation.detach()

        logits = self.run_with_hooks(sets, [(name, store) for name in HOOK_NAMES if keep(name)])
        return logits, cache

    def save_pretrained(self, path: Path | str, config: dict[str, Any] | None = None) -> None:
        """Write `config.json` and `model.safetensors` into the folder, each atomically.

        Raises:
            UsageError: `config` is no dict of JSON values; nothing is written.
            FileError: the folder cannot be written.
        """
        if config is not None:
            check_dict("config", config)
        weights_file.write_weights(
            as_path("path", path), dict(self.named_parameters()), config or {}
        )

    @classmethod
    def from_pretrained(cls, path: Path | str) -> ReluNet:
        """Read a network from a folder with `config.json` and `model.safetensors`.

        Its `task` is what `config.json` says; None where that is a file of sets.

        Raises:
            FileError: a file is missing or damaged, or the weights are not those of a ReLU network.
        """
        folder = as_path("path", path)
        config = weights_file.read_config(folder)
        weights_file.refuse_other_networks(folder, config)
        sizes = config.get("network")
        net = cls(**weights_file.read_weights(folder))
        said = sizes if isinstance(sizes, dict) else {}
        for name, value in (("vocab_size", net.vocab_size), ("width", net.width)):
            if said.get(name, value) != value:
                raise FileError(
                    f"{folder}: config.json says {name} {said[name]} and the weights have {value}; "
                    "restore the pair of files"
                )
        net.task = _said_task(config, net.vocab_size)
        net.folder = folder
        return net

    @classmethod
    def from_file(
        cls,
        path: Path | str,
        *,
        check: Path | str | None = None,
        names: Mapping[str, str] | None = None,
        layout: str | None = None,
        activation: str | None = None,
        input_scale: str | float | None = None,
        set_size: int | tuple[int, int] | None = None,
    ) -> ReluNet:
        """Bring in a network of another origin; docs/own-network.md says what is accepted.

        Args:
            path: a PyTorch state dict, safetensors, npz, ONNX or a folder of the Hugging Face kind.
            check: a file with `inputs` and `outputs` of the original, to verify the import.
            names: which tensor is which, where their names do not say: {"W_in": "fc1.weight"}.
            layout: how both matrices lie, where shapes do not say: "linear" [out, in], "matmul"
                [in, out], "embedding" [vocab, width], "tied" [width, vocab].
            activation: "relu" or "none", where no config or graph says it.
            input_scale: what the network's inputs are multiplied by: a number, "mean" (1/k) or
                "l2" (1/sqrt(k)).
            set_size: k or (a, b); needed by "mean", "l2" and linear networks. Where it is given,
                the network's `task` is of uniform sets of that size.

        Raises:
            FileError: the file is damaged, holds another kind of network, or fails the check.
            UsageError: something that it does not say is not given.
        """
        from relubloom.network.imports import bringing

        checked = None if check is None else as_path("check", check)
        given = bringing.Given(names, layout, activation, input_scale, set_size)
        return _made_for(bringing.import_file(as_path("path", path), given, checked).net, set_size)

    @classmethod
    def from_state_dict(
        cls,
        state: Mapping[str, Tensor | np.ndarray] | object,
        *,
        names: Mapping[str, str] | None = None,
        layout: str | None = None,
        activation: str | None = None,
        input_scale: str | float | None = None,
        set_size: int | tuple[int, int] | None = None,
    ) -> ReluNet:
        """Bring in a network from tensors or arrays by name, as `from_file`; nothing verifies it.

        A linear network, and one with inputs divided by k, is the original's on sets of `set_size`
        alone: what is returned does not refuse others, as the commands do on a run folder.
        """
        from relubloom.network.imports import bringing

        given = bringing.Given(names, layout, activation, input_scale, set_size)
        return _made_for(bringing.import_tensors(state, given).net, set_size)

    @classmethod
    def from_module(
        cls,
        module: nn.Module | object,
        *,
        names: Mapping[str, str] | None = None,
        layout: str | None = None,
        activation: str | None = None,
        input_scale: str | float | None = None,
        set_size: int | tuple[int, int] | None = None,
    ) -> ReluNet:
        """Bring in the network that a module computes: two linear maps and a ReLU between.

        The module is run on random sets, and must answer as the network does, up to rounding.
        What is given is as in `from_file`; a module mostly says all of it.

        Raises:
            FileError: it computes something else.
            UsageError: its layers are not those of such a network.
        """
        from relubloom.network.imports import bringing

        given = bringing.Given(names, layout, activation, input_scale, set_size)
        return _made_for(bringing.import_module(module, given).net, set_size)

    def to_module(self) -> nn.Sequential:
        """The network as Linear, ReLU, Linear, on indicator rows [batch, vocab]; copies."""
        first, second = (
            _linear(weight, bias)
            for weight, bias in ((self.W_in, self.b_in), (self.W_out, self.b_out))
        )
        return nn.Sequential(first, nn.ReLU(), second)

    def report(
        self,
        folder: Path | str | None = None,
        sets: KSparseTask | SetsLike | None = None,
        *,
        tokens: Sequence[str] = (),
        depth: str = "study",
        force: bool = False,
    ) -> Path:
        """Examine the network and write its page; returns the path of `report.html`.

        Args:
            folder: the run folder to write; by default one in `runs`, named by sizes and weights.
            sets: what to examine it on; by default the task that it was trained on here, or that
                the folder names from which it was read.
            tokens: labels, one a token; by default those of that folder.
            depth: as `gather_evidence` takes it.
            force: replace another run that lies there.

        Raises:
            UsageError: nothing says the sets, the folder holds something else, or a value breaks
                its rule.

        Cost: that of `gather_evidence`, and a few seconds.
        """
        return upstairs("study.in_hand").report_network(
            self, folder, sets, tokens=tokens, depth=depth, force=force
        )

    def _gathered(self, ids: Int64[Tensor, "batch set_size"]) -> Float[Tensor, "batch width"]:
        if ids.shape[1] == 0:
            return self.W_in.new_zeros(len(ids), self.width)
        real = ids < self.vocab_size
        if bool(real.all()):
            return nn.functional.embedding_bag(ids, self.W_in, mode="sum")
        return nn.functional.embedding_bag(
            ids.clamp(max=self.vocab_size - 1),
            self.W_in,
            mode="sum",
            per_sample_weights=real.to(self.W_in.dtype),
        )

    def checked(self, sets: SetsLike) -> Int64[Tensor, "batch set_size"]:
        """The sets as ids, on the device of the weights.

        Raises:
            UsageError: they are no sets of ids between 0 and vocab_size.
        """
        return as_ids(sets, self.vocab_size).to(self.W_in.device)

    def _picture(self) -> NDArray[np.float64]:
        return self.W_in[:64].detach().double().cpu().numpy()


class NetStack(Shown):
    """Networks of one shape with a leading `instances` axis; `stack[i]` is one of them.

    Args:
        W_in: [instances, vocab, width].
        b_in: [instances, width].
        W_out: [instances, width, vocab].
        b_out: [instances, vocab].
    """

    MAIN: ClassVar[tuple[str, ...]] = ("networks",)

    def __init__(
        self,
        W_in: Float[Tensor, "instances vocab width"],
        b_in: Float[Tensor, "instances width"],
        W_out: Float[Tensor, "instances width vocab"],
        b_out: Float[Tensor, "instances vocab"],
    ) -> None:
        self.W_in: Tensor = W_in
        self.b_in: Tensor = b_in
        self.W_out: Tensor = W_out
        self.b_out: Tensor = b_out

    @property
    def networks(self) -> str:
        """How many of which sizes, in words."""
        instances, vocab_size, width = self.W_in.shape
        return f"{instances:,} of {vocab_size:,} tokens in {width:,} units"

    def __len__(self) -> int:
        return len(self.W_in)

    def __getitem__(self, instance: int) -> ReluNet:
        return ReluNet(*(value[instance].clone() for value in self.parameters().values()))

    def parameters(self) -> dict[str, Tensor]:
        """The four tensors by name."""
        return {name: getattr(self, name) for name in weights_file.NAMES}

    def split(self, together: int) -> list[NetStack]:
        """Views of it, each of `together` instances."""
        together = whole("together", together, 1)
        parts = zip(*(value.split(together) for value in self.parameters().values()), strict=True)
        return [NetStack(*part) for part in parts]


def as_network(net: object) -> ReluNet:
    """The network itself, where it is one.

    Raises:
        UsageError: it is something else; the message names the way in.
    """
    if isinstance(net, ReluNet):
        return net
    way = "give a ReluNet"
    if isinstance(net, nn.Module):
        way = "give ReluNet.from_module(module)"
    elif isinstance(net, str | Path):
        way = f"give ReluNet.from_file({str(net)!r})"
    elif isinstance(net, NetStack):
        way = "give one of its networks, such as stack[0]"
    elif isinstance(getattr(net, "net", None), ReluNet):
        way = "give its network, which is its net"
    elif isinstance(net, tuple):
        way = "train returns (net, history); give the first"
    found = "a tuple" if isinstance(net, tuple) else described(net)
    raise UsageError(f"the network is {found}: {way}")


def _said_task(config: dict[str, Any], vocab_size: int) -> KSparseTask | None:
    """The task of `config.json`, where it says one that makes sense and is no file's."""
    said = config.get("task")
    if not isinstance(said, dict) or "sets" in said or said.get("set_size") is None:
        return None
    try:
        task = KSparseTask.from_description({"vocab_size": vocab_size} | said)
    except UsageError:  # who needs it is told; weights are weights
        return None
    return task if task.vocab_size == vocab_size else None


def _made_for(net: ReluNet, set_size: int | tuple[int, int] | None) -> ReluNet:
    """The network, with the task of these sizes."""
    if set_size is not None:
        net.task = KSparseTask(net.vocab_size, set_size)
    return net


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    """The map x @ weight + bias, with copies of both."""
    inputs, outputs = weight.shape
    layer: Any = skip_init(nn.Linear, inputs, outputs, device=weight.device, dtype=weight.dtype)
    with torch.no_grad():
        layer.weight.copy_(weight.T)
        layer.bias.copy_(bias)
    return layer


def _apply(name: str, activation: Tensor, hooks: Iterable[tuple[str, Hook]]) -> Tensor:
    for wanted, function in hooks:
        if wanted == name:
            replacement = function(activation, HookPoint(name))
            if replacement is None:
                continue
            if getattr(replacement, "shape", None) != activation.shape:
                raise UsageError(
                    f"a hook on {name} returned {described(replacement)}: it returns None, or an "
                    f"activation of shape {tuple(activation.shape)}; mend the hook"
                )
            activation = replacement
    return activation


def _refuse_unknown(names: Iterable[str]) -> None:
    for name in names:
        if name not in HOOK_NAMES:
            raise UsageError(
                f"no activation is called {name!r}; hooks go on {', '.join(HOOK_NAMES)}"
            )


def _filter(names_filter: NamesFilter) -> Callable[[str], bool]:
    if names_filter is None:
        return lambda _: True
    if callable(names_filter):
        return names_filter
    names = (names_filter,) if isinstance(names_filter, str) else names_filter
    if not isinstance(names, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise UsageError(
            f"names_filter is {described(names)}: give a name, a list of names, or a function"
        )
    names = tuple(names)
    _refuse_unknown(names)
    return names.__contains__
