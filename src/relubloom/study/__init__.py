"""The main job and its single steps; compare, query, presets. Called, it does the main job.

`rb.study(...)` is this module, which stands for its function `study.study`: a room and its main
job have one name.
"""

import sys
from types import ModuleType
from typing import Any


class _Room(ModuleType):
    def __call__(self, *given: Any, **asked: Any) -> Any:
        from relubloom.study.study import study

        return study(*given, **asked)


sys.modules[__name__].__class__ = _Room
