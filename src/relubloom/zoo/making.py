"""Making the networks of the zoo: each kind by what the package has for it."""

from __future__ import annotations

from pathlib import Path

from relubloom.code import Code, GradedCode, bernoulli, make_code, make_graded
from relubloom.network.extract import extract_code
from relubloom.network.relu_net import ReluNet
from relubloom.network.strengths import extract_graded_code
from relubloom.records.labels import default_labels
from relubloom.records.run_folder import Origin, write_network
from relubloom.study.constructing import write_constructed
from relubloom.theory import best_graded_weights
from relubloom.training import train_stack
from relubloom.zoo.catalogue import SET_SIZE, CatalogueEntry
from relubloom.zoo.planted import hinges_of, planted
from relubloom.zoo.sets import task_of

MOST_BITS = 6, 5  # half and full: the best of 48 units; the best of 64 would take long to count
HALF = 0.5  # of the tokens have a bit of a planted function: so it is 1 on half of the sets


def make(
    entry: CatalogueEntry, seed: int, folder: Path
) -> tuple[ReluNet, Code | GradedCode | None]:
    """Make a network and its code, and write the network's run folder.

    Cost: of a trained network its training, on one thread.

    Raises:
        FileError: the folder cannot be written.
    """
    labels = default_labels(entry.vocab_size)
    task = task_of(entry, folder, labels)
    if entry.kind.startswith("constructed"):
        sizes = entry.vocab_size, entry.width, SET_SIZE
        if entry.kind == "constructed-binary":
            code, family = make_code("constant-weight", *sizes, seed=seed), "constant-weight"
        else:
            best, (half, full) = best_graded_weights(*sizes), MOST_BITS
            bits = {"half": min(half, best.half), "full": min(full, best.full)}
            code, family = make_graded("graded", *sizes, **bits, seed=seed), "graded"
        made = {"family": family, "weight": float(code.weights.mean()), "code_seed": seed}
        write_constructed(folder, task, code, made, labels)
        return ReluNet.from_pretrained(folder), code
    if entry.kind.startswith("planted"):
        hinges = hinges_of(entry.kind, SET_SIZE)
        functions = entry.width // len(hinges)
        bits = bernoulli(entry.vocab_size, functions, HALF, seed).bits
        net, code = planted(bits, hinges), Code([[*row] * len(hinges) for row in bits])
        origin = Origin(task, seed, construction={"family": entry.kind, "functions": functions})
    else:
        net = train_stack(task, entry.width, entry.recipe, (seed,), threads=1)[0].net
        origin = Origin(task, seed, recipe=entry.recipe)
        code = None
        if entry.kind == "trained-binary":
            code = extract_code(net)
        elif entry.kind == "trained-graded":
            code = extract_graded_code(net, SET_SIZE)
    write_network(folder, net, origin, labels)
    return net, code
