"""The training film, small enough for a page: one byte an entry."""

from __future__ import annotations

from typing import Any

import numpy as np

from relubloom.code import Code
from relubloom.records.run_folder import read_film
from relubloom.report.contents import Run

TOKENS, UNITS = 64, 128
WITHIN = 0.999  # of all entries lie inside the scale; the rest takes its end


def film_data(run: Run, code: Code, blobs: dict[str, bytes]) -> dict[str, Any] | None:
    """Moments of W_in as bytes in `blobs["film"]`, and their description; None without a film.

    Byte b of [moments, tokens, units] stands for (b - 128) / 127 * limit. Units are sorted so
    that the bits of the first token come first, then those of the second, and so on.
    """
    found = read_film(run.folder)
    if found is None:
        return None
    moments = found[0][:, :TOKENS].float().numpy()
    order = np.lexsort(~code.bits[: moments.shape[1]][::-1])[:UNITS]
    moments = moments[:, :, order]
    limit = float(np.quantile(np.abs(moments), WITHIN)) or 1.0
    scaled = np.clip(np.round(moments / limit * 127), -127, 127) + 128
    blobs["film"] = scaled.astype(np.uint8).tobytes()
    losses = {row["step"]: (row["loss"], row["objective"]) for row in run.history}
    recorded = np.array(sorted(losses))
    return {
        "steps": found[1],
        "losses": [_nearest(losses, recorded, step) for step in found[1]],
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
