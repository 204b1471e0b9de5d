"""`relubloom plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from relubloom.cli import options

if TYPE_CHECKING:
    from relubloom.theory import Plan


UNSAID = ("FPR", "method")  # E[F] over the tokens outside says the one, the notes the other


def plan(
    vocab_size: Annotated[int, typer.Option("--vocab-size", "-N", help="Number of tokens.")],
    set_size: Annotated[int, typer.Option("--set-size", "-k", help="Tokens per set.")],
    width: Annotated[
        int | None, typer.Option("--width", "-d", help="What error does this width give?")
    ] = None,
    mse: Annotated[float | None, typer.Option(help="What width does this mse need?")] = None,
    p_exact: Annotated[
        float | None, typer.Option(help="What width makes this share of the sets exact?")
    ] = None,
    *,
    how: options.Answering,
) -> None:
    """Plan before training: the width for an error, or the error of a width. Give one of three."""
    from relubloom.theory import plan as make_plan

    planned = make_plan(vocab_size, set_size, width=width, mse=mse, p_exact=p_exact)
    how.answer(planned.to_json(), lambda: _plan_text(planned))


def _plan_text(planned: Plan) -> str:
    from relubloom.theory import FAMILY_COLUMNS, bounds_table, family_notes, family_table

    lines = [
        f"{planned.vocab_size:,} tokens, sets of {planned.set_size}: width {planned.width} with "
        f"{planned.weight} bits per token gives mse {planned.mse:.3g}, "
        f"{planned.p_exact:.4%} of the sets exact (random constant-weight code, exact law)",
        *_narrower(planned),
        "",
        *options.aligned(
            [
                [cell for name, cell in zip(FAMILY_COLUMNS, row, strict=True) if name not in UNSAID]
                for row in (FAMILY_COLUMNS, *family_table(planned))
            ]
        ),
        "",
        *options.aligned(bounds_table(planned)),
    ]
    notes = [*family_notes(planned), *planned.notes]
    return "\n".join([*lines, "", *(f"- {note}" for note in notes)])


def _narrower(planned: Plan) -> list[str]:
    """The family without errors, where it needs no more units than the random code."""
    return [
        f"no wider and without any error: a {row.family} code of {row.width} units"
        for row in planned.families
        if row.mse == 0 and row.width <= planned.width and planned.mse > 0
    ]
