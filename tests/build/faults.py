"""Faults planted in a function, to see a test find them."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from types import CodeType
from typing import Any

import pytest


def plant(
    monkeypatch: pytest.MonkeyPatch, function: Callable[..., Any], old: str, new: str
) -> None:
    """Give the function, wherever it is known, a body with `new` in place of `old`."""
    bare = inspect.unwrap(function)
    source = textwrap.dedent(inspect.getsource(bare))
    assert source.count(old) == 1, f"{bare.__name__} has {source.count(old)} times {old!r}"
    (definition,) = ast.parse(source.replace(old, new)).body
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list = []
    module = compile(ast.Module([definition], []), f"<planted in {bare.__name__}>", "exec")
    (code,) = (
        each
        for each in module.co_consts
        if isinstance(each, CodeType) and each.co_name == bare.__name__
    )
    monkeypatch.setattr(bare, "__code__", code)
