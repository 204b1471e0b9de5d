"""From small JavaScript modules to one script, without a build tool."""

from __future__ import annotations

import re
from collections.abc import Callable

IMPORT = re.compile(r'^import \{ (\w+(?:, \w+)*) \} from "\./([\w-]+\.js)";\n', re.MULTILINE)
COMMENT = re.compile(r"^[ \t]*/\*\*(?:(?!\*/).)*\*/[ \t]*\n", re.MULTILINE | re.DOTALL)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|const|class) (\w+))", re.MULTILINE)


def assemble(read: Callable[[str], str], main: str) -> str:
    """One script out of the module `main` and all it imports, each in a scope of its own.

    Modules are written `import { a, b } from "./other.js";` and `export function`, `export const`
    or `export class`; every other form of import or export is refused, as are cycles. Comments
    that fill their lines stay behind. `read` gives the text of a module by its name.

    Raises:
        ValueError: a module breaks these rules.
    """
    written: dict[str, str] = {}
    _write(read, main, written, ())
    source = '"use strict";\n' + "".join(written.values())
    if "</script" in source.lower() or "<!--" in source:
        raise ValueError("the script holds text that would end its element; write it in two parts")
    return source


def _write(
    read: Callable[[str], str], name: str, written: dict[str, str], above: tuple[str, ...]
) -> None:
    if name in above:
        raise ValueError(f"modules import each other in a circle: {' -> '.join((*above, name))}")
    if name in written:
        return
    text = read(name)
    for _, other in IMPORT.findall(text):
        _write(read, other, written, (*above, name))
    exports = EXPORT.findall(text)
    body = COMMENT.sub("", EXPORT.sub("", IMPORT.sub(_binding, text)))
    if left := re.search(r"^(?:import|export)\b.*", body, re.MULTILINE):
        raise ValueError(f"{name} has a line that cannot be assembled: {left.group()}")
    written[name] = (
        f"const {_scope(name)} = (() => {{\n{body}return {{ {', '.join(exports)} }};\n}})();\n"
    )


def _binding(found: re.Match[str]) -> str:
    return f"const {{ {found.group(1)} }} = {_scope(found.group(2))};\n"


def _scope(name: str) -> str:
    return "$" + name.removesuffix(".js").replace("-", "_")
