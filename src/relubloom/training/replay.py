"""Updates recorded once and replayed: on CUDA a step's thirty launches become one.

A CUDA graph does the same operations on the same memory again, without Python. So what changes from
step to step lies in tensors of its own that are written over: the sets, and the rate. All else
that an update reads or changes (weights, moments, what the step writes to) has its place anyhow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from relubloom.training.recipe import Objective

WARM_UP = 3  # updates before one is recorded: libraries and kernels are loaded by the first

Rate = float | Float[Tensor, ""]
Update = Callable[
    [Int64[Tensor, "instances batch set_size"], Objective, Rate], Float[Tensor, " instances"]
]
"""Changes weights by sets, objective and learning rate, and returns the losses before."""


class CudaGraphs:
    """Records on a stream of a CUDA device, as torch asks for it."""

    def __init__(self, device: torch.device) -> None:
        self._device: torch.device = device
        self._stream: torch.cuda.Stream = torch.cuda.Stream(device)

    def aside(self, work: Callable[[], Tensor]) -> Tensor:
        """Do the work on that stream, between what comes before and after it."""
        here = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(here)
        with torch.cuda.stream(self._stream):
            result = work()
        here.wait_stream(self._stream)
        return result

    def record(self, work: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        """What does the work again, and the tensor that its result is then in; does nothing yet."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self._stream):
            result = work()
        return graph.replay, result


class ReplayedUpdate:
    """An update that runs as it is three times an objective, and is then recorded and replayed.

    Where nothing can be recorded it goes on as it is, and `refused` says why.

    Args:
        update: what is recorded; it must not wait for the device, and finds all but its arguments
            in the same memory each time.
        graphs: what records.
    """

    def __init__(self, update: Update, graphs: CudaGraphs) -> None:
        self._update: Update = update
        self._graphs: CudaGraphs = graphs
        self._done: Counter[Objective] = Counter()
        self._recorded: dict[Objective, tuple[Callable[[], None], Tensor]] = {}
        self._inputs: tuple[Tensor, Tensor] | None = None
        self.refused: str | None = None

    def __call__(
        self,
        sets: Int64[Tensor, "instances batch set_size"],
        objective: Objective,
        rate: float,
    ) -> Float[Tensor, " instances"]:
        """Do one update, of as many sets as the first; the next one may write over the losses."""
        if self._inputs is None:
            self._inputs = torch.empty_like(sets), torch.zeros((), device=sets.device)
        own_sets, own_rate = self._inputs
        own_sets.copy_(sets)
        own_rate.fill_(rate)

        def work() -> Tensor:
            return self._update(own_sets, objective, own_rate)

        self._done[objective] += 1
        if self.refused is None and self._done[objective] == WARM_UP + 1:
            try:
                self._recorded[objective] = self._graphs.record(work)
            except torch.cuda.OutOfMemoryError:
                raise
            except RuntimeError as error:
                self.refused = str(error).splitlines()[0]
        if objective not in self._recorded:
            return self._graphs.aside(work)
        replay, loss = self._recorded[objective]
        replay()
        return loss
