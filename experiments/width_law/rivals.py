"""What a trained network of a width has to beat: codes, linear superposition, a bound; and a file.

Rivals depend on the sizes alone, so each is made once and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from relubloom import atomic, reading, theory
from relubloom.code import disjunct_code
from relubloom.errors import FileError, UsageError
from width_law.designed import Designed, designed_code

RIVALS = "width-rivals.json"
SCHEMA_VERSION = 1
Size = tuple[int, int, int]
"""vocab_size, width, set_size."""
SUPERPOSITION_SETS = 2000
PAIRS = 20_000  # instead, at k = 2: its errors are rare
PAIR_SCORES = 1 << 23  # pairs x vocab_size at most: 64 MB an array
RULE_OF_THREE = 3.0  # a share below 3 / draws may go unseen, one time in twenty
UNRESOLVED = 0.3  # relative standard error beyond which a Monte Carlo estimate is none


@dataclass(frozen=True)
class Rivals:
    """Mean squared errors of everything that is not trained, at one size, on uniform sets.

    Attributes:
        vocab_size, width, set_size: sizes.
        random_weight: bits per token of the best random constant-weight code.
        random_mse: its expected mse, exact, at infinite sharpness.
        superposition_mse: of linear superposition of random directions with the best inverse
            temperature (Johnson-Lindenstrauss), a Monte Carlo estimate over 2,000 sets or up
            to 20,000 pairs. None where they do not resolve it: at k = 2 both members' scores are
            equal, so only rare pairs that rank wrongly err.
        superposition_se: its standard error over sets, of one draw of directions.
        counting_mse: no binary hidden layer has less: (1 - P) / (2 k²), P = min(1, 2^d / C(N, k)).
        disjunct: whether a (shortened) Kautz-Singleton code of at most this width answers every
            set exactly, so with an mse of 0.
        designed: the code that a bounded search designs; None where none was made.
    """

    vocab_size: int
    width: int
    set_size: int
    random_weight: int
    random_mse: float
    superposition_mse: float | None
    superposition_se: float
    counting_mse: float
    disjunct: bool
    designed: Designed | None = None


def rivals_at(vocab_size: int, width: int, set_size: int) -> Rivals:
    """All of them but the designed code. Cost: under a second, some seconds at set_size 2.

    Raises:
        UsageError: sizes that no code or set has.
    """
    code = theory.best_constant_weight(vocab_size, width, set_size)
    sets = SUPERPOSITION_SETS
    if set_size <= 2:
        sets = max(2, min(PAIRS, PAIR_SCORES // vocab_size))
    linear = theory.linear_superposition(vocab_size, width, set_size, sets=sets)
    unseen = RULE_OF_THREE / sets / (2 * set_size**2)  # what failures too rare to be drawn may cost
    resolved = linear.standard_error <= UNRESOLVED * linear.mse and linear.mse >= unseen
    return Rivals(
        vocab_size=vocab_size,
        width=width,
        set_size=set_size,
        random_weight=code.weight,
        random_mse=code.mse,
        superposition_mse=linear.mse if resolved else None,
        superposition_se=linear.standard_error,
        counting_mse=counting_mse(vocab_size, width, set_size),
        disjunct=_disjunct_exists(vocab_size, width, set_size),
    )


def counting_mse(vocab_size: int, width: int, set_size: int) -> float:
    """Least mse of any binary hidden layer with any readout, on uniform sets.

    At most 2^d sets of C(N, k) are answered exactly, and every other one has a squared error of at
    least 1 / (2 k²). Derived in docs/theory.md. Cost: O(1).
    """
    failing = 1 - theory.counting_bound(vocab_size, width, set_size)
    return failing / (2 * set_size**2)


def with_design(rivals: Rivals) -> Rivals:
    """The same with a designed code. Cost: see `designed_code`."""
    designed = designed_code(rivals.vocab_size, rivals.width, rivals.set_size, rivals.random_weight)
    return replace(rivals, designed=designed)


def _disjunct_exists(vocab_size: int, width: int, set_size: int) -> bool:
    try:
        disjunct_code(vocab_size, width, set_size)
    except UsageError:
        return False
    return True


def read_rivals(path: Path) -> dict[Size, Rivals]:
    """Rivals by their sizes; empty where there is no file.

    Raises:
        FileError: the file is damaged, or of a newer relubloom.
    """
    if not path.exists():
        return {}
    found = reading.read_json(path)
    try:
        if found["schema_version"] > SCHEMA_VERSION:
            raise FileError(f"{path} is of a newer relubloom; install that, or remove the file")
        rivals = [_rivals(row) for row in found["rivals"]]
    except (KeyError, TypeError) as error:
        raise FileError(f"{path} holds no rivals ({error}); remove it, it is remade") from error
    return {(each.vocab_size, each.width, each.set_size): each for each in rivals}


def complete_rivals(
    path: Path, sizes: Iterable[Size], progress: Callable[[Size], None] | None = None
) -> dict[Size, Rivals]:
    """Rivals at all these sizes, designed codes included; what the file lacks is made and kept.

    The file is written after each, so an interrupted run goes on where it was.
    """
    known = read_rivals(path)
    wanted = sorted(set(sizes))
    for size in wanted:
        if size in known:
            continue
        if progress is not None:
            progress(size)
        known[size] = with_design(rivals_at(*size))
        rows = [asdict(known[each]) for each in sorted(known)]
        atomic.write_json(path, {"schema_version": SCHEMA_VERSION, "rivals": rows})
    return {size: known[size] for size in wanted}


def _rivals(row: dict[str, Any]) -> Rivals:
    designed = row.pop("designed")
    return Rivals(**row, designed=None if designed is None else Designed(**designed))
