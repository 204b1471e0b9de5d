"""`relubloom construct`."""

from __future__ import annotations

from typing import Annotated, Literal

from relubloom.cli import options

Family = Literal[
    "constant-weight", "bernoulli", "partitioned", "kautz-singleton", "greedy", "search"
]
FamilyOption = Annotated[
    Family,
    options.task_option(
        "--family",
        help="Family of codes. kautz-singleton has no false positive on any set; search lowers "
        "the exact number of false positives for --seconds.",
    ),
]
VocabSize = Annotated[int, options.task_option("--vocab-size", "-N", help="Number of tokens.")]
Width = Annotated[int, options.task_option("--width", "-d", help="Number of units.")]
SetSize = Annotated[int, options.task_option("--set-size", "-k", help="Tokens per set.")]
Weight = Annotated[
    int | None,
    options.task_option("--weight", help="Bits per token; the family's default if left out."),
]
Seconds = Annotated[float, options.task_option("--seconds", help="What --family search may take.")]
Sharpness = Annotated[
    float | None,
    options.task_option(
        "--sharpness",
        help="Logit lost per missing bit; by default enough for a mass of 1e-9 on others.",
    ),
]
CodeSeed = Annotated[int, options.task_option("--seed", help="Seed of the code.")]


def construct(
    out: options.RunOut,
    family: FamilyOption = "constant-weight",
    vocab_size: VocabSize = 256,
    width: Width = 48,
    set_size: SetSize = 3,
    weight: Weight = None,
    seconds: Seconds = 60.0,
    sharpness: Sharpness = None,
    tokens: options.TokensPath = None,
    seed: CodeSeed = 0,
    force: options.Force = False,
    *,
    how: options.Answering,
) -> None:
    """Set a network's weights so that it is exactly a Bloom filter."""
    from relubloom.memory import refuse_too_large
    from relubloom.records.run_folder import default_labels
    from relubloom.study.steps import construct_run
    from relubloom.task import KSparseTask, read_tokens

    refuse_too_large(vocab_size, width)
    task = KSparseTask(vocab_size, set_size)
    labels = default_labels(vocab_size) if tokens is None else read_tokens(tokens)
    made = construct_run(
        task,
        width,
        labels,
        out,
        family=family,
        weight=weight,
        seconds=seconds,
        sharpness=sharpness,
        seed=seed,
        force=force,
    )
    how.answer(
        {"dir": str(out)} | made,
        lambda: (
            f"{out}: a {family} code of weight {made['weight']:g}, sharpness "
            f"{made['sharpness']:.2f}\nnext: relubloom examine {out}"
        ),
    )
