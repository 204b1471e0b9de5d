"""Triton kernels without a GPU: `interpreted` runs a module of them, `compiled_sizes` compiles."""

import json
import os
from collections.abc import Callable
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from build.process import Outcome

os.environ["TRITON_INTERPRET"] = "1"  # read when Triton is first imported
triton = pytest.importorskip("triton", reason="Triton is not installed")

COMPILE = """
import importlib, json, os, sys
os.environ |= {"TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": os.getcwd()}
os.environ["TRITON_DEFAULT_FP_FUSION"] = "1"  # what Triton takes, but warns of
where, module, cases = sys.argv[1:]
sys.path.append(where)
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
made = importlib.import_module(module)
for kernel, types, fixed in json.loads(cases):
    source = ASTSource(getattr(made, kernel), types | dict.fromkeys(fixed, "constexpr"), fixed)
    print(len(triton.compile(source, target=GPUTarget("cuda", 90, 32)).asm["cubin"]))
"""


def compiled_sizes(
    python: Callable[..., Outcome],
    module: str,
    cases: list[tuple[str, dict[str, str], dict[str, Any]]],
) -> list[int]:
    """Bytes of an H100's machine code of kernels: name, types of arguments, and what is fixed.

    By the compiler that Triton carries, in a process where kernels are not interpreted.
    """
    done = python(COMPILE, Path(triton.__file__).parents[1], module, json.dumps(cases))
    assert done.status == 0, done.err
    return [int(size) for size in done.out.split()]


def interpreted(name: str) -> ModuleType:
    """A module of kernels, past the hook that checks annotations: Triton reads their source."""
    found = find_spec(name)
    assert found is not None and found.origin is not None
    spec = spec_from_file_location(name.rpartition(".")[2], found.origin)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
