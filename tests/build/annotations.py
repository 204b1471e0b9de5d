"""Annotations of relubloom, checked as the tests run: shapes by jaxtyping, types by beartype."""

import inspect
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, get_type_hints

import jaxtyping
from beartype.roar import BeartypeException
from jaxtyping import config, install_import_hook, jaxtyped

# An int will do for a float, as the typing rules say (PEP 484's numeric tower).
CHECKER = (
    "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True, violation_type=TypeError))"
)
Function = Callable[..., Any]


def check_annotations() -> None:
    """Check those of every module of relubloom that is imported from now on.

    The hook's decorator checks arguments twice and makes its checks as a module is imported, also
    those of functions that nobody calls. With `checked` in its place a suite takes 2/3 of the time.
    """
    jaxtyping.jaxtyped = checked  # what modules under the hook call
    install_import_hook("relubloom", CHECKER)


def checked(fn: Any = None, *, typechecker: Callable[[Any], Any]) -> Any:
    """A function, or a class with its constructor, whose checks are made at its first call."""
    if fn is None:
        return partial(checked, typechecker=typechecker)
    if inspect.isclass(fn):
        made = vars(fn).get("__init__")
        if hasattr(fn, "__dataclass_fields__") and made and not hasattr(made, "unchecked"):
            fn.__init__ = checked(made, typechecker=typechecker)
        return fn
    check: Function | None = None

    @wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal check
        __tracebackhide__ = True
        if config.jaxtyping_disable:
            return fn(*args, **kwargs)
        if check is None:
            check = with_checks(fn, typechecker)
        return check(*args, **kwargs)

    call.unchecked = fn
    return call


def with_checks(fn: Function, typechecker: Callable[[Any], Any]) -> Function:
    """The function by beartype alone, but where axes must agree from argument to argument."""
    try:
        if "jaxtyping." not in repr(get_type_hints(fn)):
            return typechecker(fn)
    except (NameError, BeartypeException):  # names for type checkers alone; a part of a ParamSpec
        pass
    return jaxtyped(fn, typechecker=typechecker)
