"""What the page needs to come alive: a style, the data of its networks, and one script."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
from markupsafe import Markup

from relubloom.code import Code, GradedCode
from relubloom.network.relu_net import ReluNet
from relubloom.report.charts.answers import CALLED, clearest_example
from relubloom.report.charts.weights import TOKENS, hash_order
from relubloom.report.explorer.assemble import assemble
from relubloom.report.explorer.networks import (
    ShownNetwork,
    code_of,
    shown_in_lesson,
    shown_networks,
    size_shown,
)
from relubloom.report.read import Contents, StoredRun

MAIN = "main.js"
FILM_UNITS = 128
FILM_WITHIN = 0.999  # of all entries lie inside the film's scale; the rest takes its end


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


def embed(contents: Contents, *, lesson: bool = False) -> Explorer:
    """Make the explorer of a study or a run folder; `lesson` as `shown_in_lesson` has it, on a set
    that is not the page's example.

    Cost: the weights of two networks, and the size of the page: about 0.4 MB at 256 tokens of
    width 48, 1.1 MB at 1,000 of 64 and 8 MB at 10,000 of 128.

    Raises:
        FileError: a file in the folder is damaged.
    """
    run = contents.featured
    code = code_of(run)
    shown = shown_networks(contents, code)
    if lesson:
        shown = shown_in_lesson(shown)
    source = assemble(_package_text, MAIN)
    blobs: dict[str, bytes] = {}
    described = _described(contents, shown, blobs)
    described["opening"] = opening_set(run.net, code, size_shown(run), int(lesson))
    described["film"] = None if lesson else film_data(run, code, blobs)
    described["lesson"] = lesson
    data = [_json_block("explorer-data", described)]
    data += [_binary_block(f"explorer-bytes-{name}", content) for name, content in blobs.items()]
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
    return Explorer(
        style=Markup(f"<style>\n{_package_text('explorer.css')}</style>\n"),
        data=Markup("".join(data)),
        script=Markup(f"<script>{source}</script>\n"),
        policy=f"script-src 'sha256-{digest}'; worker-src blob:",
    )


def opening_set(
    net: ReluNet, code: Code | GradedCode, set_size: int, place: int = 0
) -> list[int] | None:
    """Members of a seeded set with one false positive of the code that the network calls too.

    None where the clearest one, or the one `place` after it, is not such a set. Cost: that of
    `clearest_example`.
    """
    found = clearest_example(net, code, set_size, place)
    return None if found is None or found.alike < CALLED else list(found.members)


def film_data(
    run: StoredRun, code: Code | GradedCode, blobs: dict[str, bytes]
) -> dict[str, Any] | None:
    """Moments of W_in as bytes in `blobs["film"]`, and their description; None without a film.

    Byte b of [moments, tokens, units] stands for (b - 128) / 127 * limit. Units are sorted so
    that the bits of the first token come first, then those of the second, and so on.
    """
    if run.film is None:
        return None
    film, steps = run.film
    moments = film[:, :TOKENS]
    order = hash_order(code.bits)[:FILM_UNITS]
    moments = moments[:, :, order]
    limit = float(np.quantile(np.abs(moments), FILM_WITHIN)) or 1.0
    scaled = np.clip(np.round(moments / limit * 127), -127, 127) + 128
    blobs["film"] = scaled.astype(np.uint8).tobytes()
    losses = {row["step"]: (row["loss"], row["objective"]) for row in run.history}
    recorded = np.array(sorted(losses))
    return {
        "steps": steps,
        "losses": [_nearest(losses, recorded, step) for step in steps],
        "tokens": moments.shape[1],
        "units": moments.shape[2],
        "limit": limit,
    }


def _nearest(
    losses: dict[int, tuple[float, str]], recorded: np.ndarray, step: int
) -> list[float | str] | None:
    """The first loss recorded at or after a moment of the film, or the last one."""
    if not len(recorded):
        return None
    place = min(int(np.searchsorted(recorded, step)), len(recorded) - 1)
    return list(losses[int(recorded[place])])


def _described(
    contents: Contents, shown: list[ShownNetwork], blobs: dict[str, bytes]
) -> dict[str, Any]:
    """Sizes, labels and networks; what is binary goes into `blobs`."""
    run = contents.featured
    vocab_size, width = shown[0].code.vocab_size, shown[0].code.width
    for network in shown:
        blobs[f"bits-{network.code_name}"] = network.packed_bits
        if network.weights is not None:
            blobs[f"weights-{network.key}"] = network.weights
    return {
        "vocabSize": vocab_size,
        "width": width,
        "setSize": run.asked.get("set_size"),
        "usualSize": size_shown(run),
        "labels": run.labels,
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
