"""The main job and its single steps; compare, query, presets.

`rb.study(...)` calls this module, which hands on to its function `study.study`: the room and its
main job have one name.
"""

import sys
from inspect import Signature, signature
from types import ModuleType
from typing import Any


class _Room(ModuleType):
    """The room; `help(rb.study)` and an editor's hint tell of the function."""

    def __call__(self, *given: Any, **asked: Any) -> Any:
        return _main_job()(*given, **asked)

    @property
    def __signature__(self) -> Signature:
        return signature(_main_job(), eval_str=True)

    @property
    def __doc__(self) -> str | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        return _main_job().__doc__


def _main_job() -> Any:
    from relubloom.study.study import study

    return study


sys.modules[__name__].__class__ = _Room
