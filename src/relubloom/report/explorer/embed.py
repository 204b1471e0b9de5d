"""What the page needs to come alive: a style, the data of its networks, and one script."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from relubloom.report.contents import Contents, labels_of
from relubloom.report.explorer.assemble import assemble
from relubloom.report.explorer.film import film_data
from relubloom.report.explorer.opening import opening_set
from relubloom.report.explorer.shown_networks import (
    ShownNetwork,
    read_network,
    shown_networks,
    size_shown,
)

MAIN = "main.js"


@dataclass(frozen=True)
class Explorer:
    """Three elements for the page, in this order, and the words for its security policy.

    `style` is a `<style>`, `data` are `<script>`s that hold data and are not run, `script` is the
    one that is. `policy` are the directives that let it run, and nothing else: its hash, and
    workers made by it.
    """

    style: Markup
    data: Markup
    script: Markup
    policy: str


def embed(contents: Contents) -> Explorer:
    """Make the explorer of a study or a run folder.

    Cost: the weights of two networks, and the size of the page: about 0.4 MB at 256 tokens of
    width 48, 1.1 MB at 1,000 of 64 and 8 MB at 10,000 of 128.

    Raises:
        FileError: a file in the folder is damaged.
    """
    run = contents.featured
    net, code = read_network(run)
    shown = shown_networks(contents, net, code)
    source = assemble(_package_text, MAIN)
    blobs: dict[str, bytes] = {}
    described = _described(contents, shown, blobs)
    described["opening"] = opening_set(net, code, size_shown(run, code.vocab_size))
    described["film"] = film_data(run, code, blobs)
    data = [_json_block("explorer-data", described)]
    data += [_binary_block(f"explorer-bytes-{name}", content) for name, content in blobs.items()]
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
    return Explorer(
        style=Markup(f"<style>\n{_package_text('explorer.css')}</style>\n"),
        data=Markup("".join(data)),
        script=Markup(f"<script>{source}</script>\n"),
        policy=f"script-src 'sha256-{digest}'; worker-src blob:",
    )


def _described(
    contents: Contents, shown: list[ShownNetwork], blobs: dict[str, bytes]
) -> dict[str, Any]:
    """Sizes, labels and networks; what is binary goes into `blobs`."""
    run = contents.featured
    vocab_size, width = shown[0].code.bits.shape
    for network in shown:
        blobs[f"bits-{network.code_name}"] = network.packed_bits
        if network.weights is not None:
            blobs[f"weights-{network.key}"] = network.weights
    return {
        "vocabSize": vocab_size,
        "width": width,
        "setSize": run.task.get("set_size"),
        "usualSize": size_shown(run, vocab_size),
        "labels": labels_of(run, vocab_size),
        "networks": [network.describe() for network in shown],
    }


def _json_block(name: str, value: Any) -> str:
    """JSON that no token label can break out of: every < is written as an escape."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>\n'


def _binary_block(name: str, content: bytes) -> str:
    text = base64.b64encode(content).decode()
    return f'<script type="text/plain" id="{name}">{text}</script>\n'


def _package_text(name: str) -> str:
    return files("relubloom.report.explorer").joinpath(name).read_text(encoding="utf-8")
