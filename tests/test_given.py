"""Every public function with nearly right and with wrong arguments: what is meant is taken, and
what is not clear is refused in one line that names the way."""

import copy
import inspect
import json
import os
import pickle
import re
from collections.abc import Callable
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import relubloom as rb
from relubloom.errors import described
from relubloom.task import AllSets

pytestmark = pytest.mark.usefixtures("unchecked")  # as users call it

TASK = rb.KSparseTask(8, 2)
CODE = rb.random_constant_weight(8, 6, 2, seed=0)
GRADED = rb.GradedCode(2 * CODE.bits.astype(int))
NET = rb.construct(CODE, 8.0)
WEIGHTS = tuple(value.detach() for value in NET.parameters())
ARRAYS = tuple(value.numpy() for value in WEIGHTS)
EYE = np.eye(6, dtype=bool)
LISTS = tuple(value.tolist() for value in WEIGHTS)
SHORT = rb.Recipe(steps=2, batch_size=4)
STUDY = rb.Study(TASK, 6)


def same(found: Any, wanted: Any) -> bool:
    """Equal results, of networks those of their weights."""
    match found:
        case torch.Tensor():
            return torch.equal(found, wanted)
        case np.ndarray():
            return np.array_equal(found, wanted)
        case rb.ReluNet():
            pairs = zip(found.parameters(), wanted.parameters(), strict=True)
            return all(torch.equal(one, other) for one, other in pairs)
        case rb.Evidence():
            return (found.code, found.behaviour) == (wanted.code, wanted.behaviour)
        case rb.Certificate():
            return found.exact_sets == wanted.exact_sets
        case (rb.ReluNet() as net, _):
            return same(net, wanted[0])
        case _:
            return found == wanted


IDS = torch.tensor([[1, 2, 3], [4, 5, 6]])
ACCEPTED: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "net: lists": (lambda: NET([[1, 2, 3], [4, 5, 6]]), lambda: NET(IDS)),
    "net: one list": (lambda: NET([1, 2, 3]), lambda: NET(IDS[:1])),
    "net: one Python set": (lambda: NET({1, 2, 3}), lambda: NET(IDS[:1])),
    "net: one tensor": (lambda: NET(IDS[0]), lambda: NET(IDS[:1])),
    "net: array": (lambda: NET(IDS.numpy()), lambda: NET(IDS)),
    "net: backward array": (lambda: NET(IDS.numpy()[::-1]), lambda: NET(IDS.flip(0))),
    "net: small ints": (lambda: NET(IDS.to(torch.uint8)), lambda: NET(IDS)),
    "net: ragged": (
        lambda: NET([[1, 2, 3], [4]]),
        lambda: NET(torch.tensor([[1, 2, 3], [4, 8, 8]])),
    ),
    "net: tensors in a list": (lambda: NET([IDS[0], IDS[1]]), lambda: NET(IDS)),
    "cache: list": (lambda: NET.run_with_cache([1, 2])[0], lambda: NET(torch.tensor([[1, 2]]))),
    "ReluNet: arrays": (lambda: rb.ReluNet(*ARRAYS), lambda: NET),
    "ReluNet: lists": (lambda: rb.ReluNet(*LISTS), lambda: NET),
    "ReluNet: no biases": (
        lambda: rb.ReluNet(WEIGHTS[0], None, WEIGHTS[2], None),
        lambda: rb.ReluNet(WEIGHTS[0], torch.zeros(6), WEIGHTS[2], torch.zeros(8)),
    ),
    "ReluNet: whole numbers": (lambda: rb.ReluNet(*(a.astype(int) for a in ARRAYS)), lambda: NET),
    "gather_evidence: task": (
        lambda: rb.gather_evidence(NET, TASK),
        lambda: rb.gather_evidence(NET, TASK.evaluation_sets()),
    ),
    "gather_evidence: lists": (
        lambda: rb.gather_evidence(NET, [[1, 2], [3, 4]]),
        lambda: rb.gather_evidence(NET, np.array([[1, 2], [3, 4]])),
    ),
    "certify: a size": (lambda: rb.certify(NET, 2), lambda: rb.certify(NET, TASK)),
    "certify: all sets": (lambda: rb.certify(NET, AllSets(8, 2)), lambda: rb.certify(NET, TASK)),
    "Code: lists": (lambda: rb.Code(CODE.bits.astype(int).tolist()), lambda: CODE),
    "GradedCode: lists": (
        lambda: rb.GradedCode([[0, 1], [2, 1]]),
        lambda: rb.GradedCode(np.array([[0, 1], [2, 1]], dtype=np.uint8)),
    ),
    "graded_constant_weight: whole numbers of NumPy": (
        lambda: rb.graded_constant_weight(np.int64(30), np.int32(12), 2, 1, 2),
        lambda: rb.graded_constant_weight(30, 12, 2, 1, 2),
    ),
    "plan: NumPy in JSON": (
        lambda: json.loads(json.dumps(rb.plan(30, 2, mse=np.float32(0.125)).to_json()))["mse"],
        lambda: rb.plan(30, 2, mse=0.125).mse,
    ),
    "constant_weight: NumPy of few bits": (
        lambda: [rb.constant_weight(*map(kind, (120, 100, 9, 3))) for kind in (np.uint8, np.int8)],
        lambda: 2 * [rb.constant_weight(120, 100, 9, 3)],
    ),
    "graded_constant_weight: NumPy of few bits": (
        lambda: rb.graded_constant_weight(*map(np.uint8, (120, 40, 3, 4, 3))),
        lambda: rb.graded_constant_weight(120, 40, 3, 4, 3),
    ),
    "best_constant_weight: ints after NumPy": (
        lambda: (
            rb.best_constant_weight(*map(np.int64, (120, 41, 3))),
            type(rb.best_constant_weight(120, 41, 3).vocab_size),
        )[1],
        lambda: int,
    ),
    "make_code: NumPy of few bits": (
        lambda: rb.make_code("constant-weight", *map(np.uint8, (120, 100, 3))),
        lambda: rb.make_code("constant-weight", 120, 100, 3),
    ),
    "make_graded: NumPy of few bits": (
        lambda: rb.make_graded("graded", *map(np.uint8, (120, 20, 3))),
        lambda: rb.make_graded("graded", 120, 20, 3),
    ),
    "train: NumPy of few bits": (
        lambda: rb.train(TASK, np.uint8(6), SHORT),
        lambda: rb.train(TASK, 6, SHORT),
    ),
    "train_stack: an array of seeds": (
        lambda: [each.seed for each in rb.train_stack(TASK, 6, SHORT, np.array([2, 1]))],
        lambda: [2, 1],
    ),
    "Recipe: NumPy": (
        lambda: rb.Recipe(learning_rate=np.float64(0.01)),
        lambda: rb.Recipe(learning_rate=0.01),
    ),
    "construct: a fraction": (lambda: rb.construct(CODE, Fraction(8)), lambda: NET),
    "Code: a gradient": (lambda: rb.Code(torch.eye(6, requires_grad=True)), lambda: rb.Code(EYE)),
    "design_pools: NumPy": (
        lambda: rb.design_pools(np.int64(8), np.uint8(1), tests=np.uint8(6), seconds=0.1).code,
        lambda: rb.design_pools(8, 1, tests=6, seconds=0.1).code,
    ),
    "decode_pools: far more positives than samples": (
        lambda: rb.decode_pools(rb.Code(EYE), EYE[1], 10**12).positives,
        lambda: (1,),
    ),
    "decode_pools: 0 and 1": (
        lambda: rb.decode_pools(rb.Code(EYE), EYE[1].astype(int).tolist()),
        lambda: rb.decode_pools(rb.Code(EYE), EYE[1]),
    ),
    "certify: NumPy workers": (
        lambda: rb.certify(NET, TASK, workers=np.int64(1)),
        lambda: rb.certify(NET, TASK),
    ),
    "Code: tensor": (lambda: rb.Code(torch.from_numpy(CODE.bits.copy())), lambda: CODE),
    "Code.union: one set": (lambda: CODE.union([1, 2]), lambda: CODE.union([[1, 2]])),
    "Code.union: ragged": (lambda: CODE.union([[1, 2], [3]]), lambda: CODE.union([[1, 2], [3, 8]])),
    "Code.false_positives: a task": (
        lambda: CODE.false_positives(TASK),
        lambda: CODE.false_positives(TASK.evaluation_sets().chunk(0, 28)),
    ),
    "GradedCode.false_positives: sets of several copies": (
        lambda: GRADED.false_positives(rb.ListedSets.of([[3, 1], [1, 2], [1, 3]], 8)),
        lambda: GRADED.false_positives([[1, 3], [1, 3], [1, 2]]),
    ),
    "construct: lists": (lambda: rb.construct(CODE.bits.tolist(), 8), lambda: NET),
    "KSparseTask: text": (lambda: rb.KSparseTask(8, "2..3"), lambda: rb.KSparseTask(8, (2, 3))),
    "KSparseTask: list": (lambda: rb.KSparseTask(8, [2, 3]), lambda: rb.KSparseTask(8, (2, 3))),
    "KSparseTask: NumPy": (lambda: rb.KSparseTask(np.int64(8), np.int64(2)), lambda: TASK),
    "Study: defaults": (lambda: STUDY.recipe, rb.Recipe),
    "Study: labels": (lambda: len(STUDY.labels), lambda: 8),
    "Study: a list of labels": (
        lambda: rb.Study(TASK, 6, labels=list("abcdefgh")).labels,
        lambda: tuple("abcdefgh"),
    ),
    "train: NumPy sizes": (
        lambda: rb.train(TASK, np.int64(6), SHORT, np.int64(1)),
        lambda: rb.train(TASK, 6, SHORT, 1),
    ),
    "random_constant_weight: NumPy": (
        lambda: rb.random_constant_weight(np.int64(8), np.int64(6), np.int64(2)),
        lambda: CODE,
    ),
    "plan: NumPy": (
        lambda: rb.plan(np.int64(50), np.int64(2), width=20).width,
        lambda: 20,
    ),
}

LINEAR = nn.Linear(2, 2)
IDS_WANTED = "give token ids, [0, 4, 7] for one set or [[0, 4, 7], [1, 2, 3]] for several"
TASK_WANTED = (
    "give KSparseTask(vocab_size, set_size), or KSparseTask.from_file(path) for sets of your own"
)
FOUR = "ReluNet takes the four tensors W_in, b_in, W_out, b_out; use "
WHOLE = "it must be a whole number; give such as 3"
TRUTH = "it is yes or no; give True or False"
DICT = "it must be a dict; give such as {}"
LABELS = "give a list with one label a token"
REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "net: task": (
        lambda: NET(TASK),
        "sets are a KSparseTask: give ids of some of its sets, such as "
        "task.evaluation_sets().chunk(0, 100)",
    ),
    "net: text": (
        lambda: NET("kiwi.sets"),
        "sets are 'kiwi.sets' (str): a file of sets is read by KSparseTask.from_file('kiwi.sets')",
    ),
    "net: texts": (
        lambda: NET(["kiwi", "plum"]),
        f"sets are ['kiwi', 'plum'] (list): {IDS_WANTED}; the id of a label is its place among the "
        "labels",
    ),
    "net: indicators of whole numbers": (
        lambda: NET(torch.eye(8, dtype=torch.long)),
        "sets are int64 of shape (8, 8), all 0 and 1: they look like indicators of the vocabulary; "
        "give the ids of their ones, such as [[0, 4, 7]]",
    ),
    "Code.union: zeros": (
        lambda: CODE.union([0] * 8),
        "sets are int64 of shape (1, 8), all 0 and 1: they look like indicators of the vocabulary; "
        "give the ids of their ones, such as [[0, 4, 7]]",
    ),
    "cache: name": (
        lambda: NET.run_with_cache([1, 2], "post"),
        "no activation is called 'post'; hooks go on hook_in, hook_pre, hook_post, hook_out",
    ),
    "net: nothing": (lambda: NET(None), f"sets are None: {IDS_WANTED}"),
    "net: empty": (lambda: NET([]), f"sets are [] (list): {IDS_WANTED}"),
    "net: a number": (lambda: NET(3), f"sets are 3 (int): {IDS_WANTED}"),
    "net: mixed": (lambda: NET([[1], 2]), f"sets are [[1], 2] (list): {IDS_WANTED}"),
    "net: indicator": (
        lambda: NET(torch.zeros(2, 8)),
        "sets are float32 of shape (2, 8): they must be int64 ids, such as [[0, 4, 7]]; of an "
        "indicator of the vocabulary, give the ids of its ones",
    ),
    "net: beyond": (
        lambda: NET([[1, 9]]),
        "sets hold ids from 1 to 9: ids are 0 to 7 (8 is padding); check the vocabulary",
    ),
    "ReluNet: module": (
        lambda: rb.ReluNet(LINEAR),
        f"W_in is a Linear: {FOUR}ReluNet.from_module(module)",
    ),
    "ReluNet: state dict": (
        lambda: rb.ReluNet({}),
        f"W_in is {{}} (dict): {FOUR}ReluNet.from_state_dict(state_dict)",
    ),
    "ReluNet: path": (
        lambda: rb.ReluNet("m.pt"),
        f"W_in is 'm.pt' (str): {FOUR}ReluNet.from_file('m.pt')",
    ),
    "ReluNet: one matrix": (
        lambda: rb.ReluNet(WEIGHTS[0]),
        "W_out is None: a network reads the tokens off its units; give W_out [width, vocab], such "
        "as W_in.T where the weights are tied",
    ),
    "ReluNet: ragged": (
        lambda: rb.ReluNet([[1.0], [1.0, 2.0]], None, [[1.0]]),
        "W_in is [[1.0], [1.0, 2.0]] (list): give a tensor, an array or equally long lists of "
        "numbers",
    ),
    "ReluNet: precisions": (
        lambda: rb.ReluNet(WEIGHTS[0], None, WEIGHTS[2].double()),
        "W_out is float64 of shape (6, 8) and W_in float32 of shape (8, 6): give all four the same "
        "precision, such as float32",
    ),
    "gather_evidence: module": (
        lambda: rb.gather_evidence(LINEAR, TASK),
        "the network is a Linear: give ReluNet.from_module(module)",
    ),
    "gather_evidence: path": (
        lambda: rb.gather_evidence("runs/a", TASK),
        "the network is 'runs/a' (str): give ReluNet.from_file('runs/a')",
    ),
    "gather_evidence: what train returns": (
        lambda: rb.gather_evidence((NET, []), TASK),
        "the network is a tuple: train returns (net, history); give the first",
    ),
    "gather_evidence: other vocabulary": (
        lambda: rb.gather_evidence(NET, rb.KSparseTask(9, 2)),
        "the sets have 9 tokens and the network 8: they must agree; give the task the network was "
        "made for",
    ),
    "gather_evidence: a list of other vocabulary": (
        lambda: rb.gather_evidence(NET, rb.ListedSets.of([[0, 1], [2]], 5)),
        "the sets have 5 tokens and the network 8: they must agree; give the task the network was "
        "made for",
    ),
    "gather_evidence: swapped": (
        lambda: rb.gather_evidence(TASK, NET),
        "the network is a KSparseTask: give a ReluNet",
    ),
    "gather_evidence: empty set": (
        lambda: rb.gather_evidence(NET, [[1], []]),
        "a set is []: it holds each of its tokens once",
    ),
    "gather_evidence: depth": (
        lambda: rb.gather_evidence(NET, TASK, depth="deep"),
        "depth is 'deep': choose one of quick, study, full",
    ),
    "gather_evidence: a size": (
        lambda: rb.gather_evidence(NET, 2),
        "sets are 2 (int): for all sets of that size, or a draw of them, give KSparseTask(8, 2)",
    ),
    "certify: sets": (
        lambda: rb.certify(NET, [[1, 2]]),
        "task is [[1, 2]] (list): a certificate is over all sets of one size; give a KSparseTask "
        "or the size, and use gather_evidence for a list of sets",
    ),
    "extract_graded_code: module": (
        lambda: rb.extract_graded_code(LINEAR, 2),
        "the network is a Linear: give ReluNet.from_module(module)",
    ),
    "ReluNet.from_module: text": (
        lambda: rb.ReluNet.from_module("model.pt"),
        "the module is 'model.pt' (str): give an nn.Module, or a file to ReluNet.from_file(path)",
    ),
    "ReluNet.from_state_dict: list": (
        lambda: rb.ReluNet.from_state_dict([1, 2], activation="relu"),
        "the state dict is [1, 2] (list): give tensors by name, as module.state_dict() does",
    ),
    "extract_code: module": (
        lambda: rb.extract_code(LINEAR),
        "the network is a Linear: give ReluNet.from_module(module)",
    ),
    "Code: network": (
        lambda: rb.Code(NET),
        "code is a ReluNet: give a 0/1 matrix [vocab, width]; rb.extract_code(net) reads a "
        "network's",
    ),
    "construct: sharpness": (
        lambda: rb.construct(CODE, "20"),
        "sharpness is '20' (str): it must be a number; try 20",
    ),
    "construct: dtype": (
        lambda: rb.construct(CODE, dtype=torch.float16),
        "dtype is torch.float16: choose one of torch.float32, torch.float64",
    ),
    "train: seed": (
        lambda: rb.train(TASK, 6, SHORT, seed=-1),
        "seed is -1: seeds are 0 or more; raise it",
    ),
    "random_constant_weight: seed": (
        lambda: rb.random_constant_weight(8, 6, 2, seed=-1),
        "seed is -1: seeds are 0 or more; raise it",
    ),
    "score_controls: seed": (
        lambda: rb.score_controls(NET, seed=-1),
        "seed is -1: seeds are 0 or more; raise it",
    ),
    "KSparseTask: split": (
        lambda: rb.KSparseTask(8, 2, split_seed=-1),
        "split_seed is -1: seeds are 0 or more; raise it",
    ),
    "KSparseTask: path": (
        lambda: rb.KSparseTask("a.sets", 2),
        "vocab_size is 'a.sets': a file of sets is read by KSparseTask.from_file('a.sets')",
    ),
    "KSparseTask: pool": (
        lambda: rb.KSparseTask(8, 2, training_pool="5"),
        f"training_pool is '5' (str): {WHOLE}",
    ),
    "KSparseTask: half": (lambda: rb.KSparseTask(8.5, 2), f"vocab_size is 8.5 (float): {WHOLE}"),
    "KSparseTask: size": (
        lambda: rb.KSparseTask(8, 2.0),
        "set_size is 2.0: give a number, or a range such as 3..8",
    ),
    "train: sets": (lambda: rb.train([[1]], 6), f"task is [[1]] (list): {TASK_WANTED}"),
    "train: width": (lambda: rb.train(TASK, "6"), f"width is '6' (str): {WHOLE}"),
    "train: recipe": (
        lambda: rb.train(TASK, 6, "kl"),
        "recipe is 'kl' (str): give a Recipe, such as Recipe(objective='kl')",
    ),
    "train_stack: seeds": (
        lambda: rb.train_stack(TASK, 6, SHORT, 3),
        "seeds is 3 (int): give one seed a network, such as (0, 1)",
    ),
    "Recipe: steps": (lambda: rb.Recipe(steps="9"), f"steps is '9' (str): {WHOLE}"),
    "Recipe: rate": (
        lambda: rb.Recipe(learning_rate="1"),
        "learning_rate is 1: it must be positive and finite; change it",
    ),
    "Study: task": (lambda: rb.Study("a.sets", 6), f"task is 'a.sets' (str): {TASK_WANTED}"),
    "Study: width": (lambda: rb.Study(TASK, 6.0), f"width is 6.0 (float): {WHOLE}"),
    "Study: labels": (
        lambda: rb.Study(TASK, 6, labels="abcdefgh"),
        "labels is 'abcdefgh' (str): give a list with one label a token",
    ),
    "run_study: task": (
        lambda: rb.run_study(TASK, "out"),
        "study is a KSparseTask: give Study(task=..., width=...)",
    ),
    "random_constant_weight: weight": (
        lambda: rb.random_constant_weight(8, 6, 2.5),
        f"weight is 2.5 (float): {WHOLE}",
    ),
    "plan: vocab": (lambda: rb.plan("50", 2, width=20), f"vocab_size is '50' (str): {WHOLE}"),
    "plan: mse": (
        lambda: rb.plan(40, 3, mse="1e-4"),
        "mse is '1e-4' (str): it must be a number; give such as 1e-3",
    ),
    "constant_weight: width": (
        lambda: rb.constant_weight(50, "20", 2, 3),
        f"width is '20' (str): {WHOLE}",
    ),
    "best_constant_weight: size": (
        lambda: rb.best_constant_weight(50, 20, None),
        f"set_size is None: {WHOLE}",
    ),
    "make_code: family": (
        lambda: rb.make_code("bloom", 8, 6, 2),
        "family is 'bloom': choose one of constant-weight, with-replacement, bernoulli, "
        "partitioned, kautz-singleton, greedy, search",
    ),
    "make_graded: vocab": (
        lambda: rb.make_graded("graded", "8", 6, 2),
        f"vocab_size is '8' (str): {WHOLE}",
    ),
    "learn_code: path": (
        lambda: rb.learn_code("a.sets", 8),
        "sets are 'a.sets' (str): a file of sets is read by KSparseTask.from_file('a.sets')",
    ),
    "learn_code: seconds": (
        lambda: rb.learn_code([[0, 1], [1, 2]], 8, seconds="60"),
        "seconds is '60': learning needs some time; try 60",
    ),
    "design_pools: samples": (
        lambda: rb.design_pools("96", 2),
        f"samples is '96' (str): {WHOLE}",
    ),
    "decode_pools: network": (
        lambda: rb.decode_pools(NET, [True] * 6),
        "code is a ReluNet: give a Code, such as design_pools(...).code",
    ),
    "decode_pools: text": (
        lambda: rb.decode_pools(CODE, "101010"),
        f"positive is '101010' (str): give one true or false a test, {CODE.width} of them",
    ),
    "score: text": (
        lambda: rb.score("atoms.npy", NET),
        "found is 'atoms.npy' (str): it must be a matrix of real numbers with at least one row "
        "and one column; give an array or a tensor",
    ),
    "score_controls: text": (
        lambda: rb.score_controls("constructed"),
        "net is 'constructed' (str): give a network of rb.zoo.load(name), or a ReluNet",
    ),
    "gather_evidence: workers": (
        lambda: rb.gather_evidence(NET, TASK, 0),
        "workers is 0: it must be at least 1; raise it",
    ),
    "certify: workers": (
        lambda: rb.certify(NET, TASK, workers=-1),
        "workers is -1: it must be at least 1; raise it",
    ),
    "extract_graded_code: sizes": (
        lambda: rb.extract_graded_code(NET, (2, 3)),
        f"set_size is (2, 3) (tuple): {WHOLE}",
    ),
    "Code: float16 of the brain": (
        lambda: rb.Code(torch.eye(6, dtype=torch.bfloat16)),
        "code is bfloat16 of shape (6, 6): give a 0/1 matrix [vocab, width]; rb.extract_code(net) "
        "reads a network's",
    ),
    "GradedCode: ragged": (
        lambda: rb.GradedCode([[1, 0], [1]]),
        "strengths have shape (0,): a code needs at least one token (row) and one unit (column); "
        "give a matrix [vocab, width]",
    ),
    "GradedCode: levels": (
        lambda: rb.GradedCode([[0, 1]], levels=2.5),
        f"levels is 2.5 (float): {WHOLE}",
    ),
    "Code.decode_unions: width": (
        lambda: CODE.decode_unions(np.ones((2, 7), dtype=bool)),
        "unions are bool of shape (2, 7): they must be bool [batch, 6]; make them with Code.union",
    ),
    "Code.decode_unions: numbers": (
        lambda: CODE.decode_unions([[0, 1, 0, 0, 0, 2]]),
        "unions are [[0, 1, 0, 0, 0, 2]] (list): they must be bool [batch, 6]; make them with "
        "Code.union",
    ),
    "construct: leak": (
        lambda: rb.construct(rb.GradedCode([[0, 1, 2]]), leak="small"),
        "leak is 'small' (str): it must be a number; try 2**-12",
    ),
    "train_stack: device": (
        lambda: rb.train_stack(TASK, 6, SHORT, (0,), device="gpu"),
        "device is 'gpu': choose cpu, cuda or mps",
    ),
    "train_stack: no seeds": (
        lambda: rb.train_stack(TASK, 6, SHORT, iter(())),
        "no seeds given: at least one network is trained; give such as (0,)",
    ),
    "KSparseTask.training_sets: batch": (
        lambda: TASK.training_sets(0, 0, 2.5),
        f"batch_size is 2.5 (float): {WHOLE}",
    ),
    "KSparseTask.evaluation_sets: none": (
        lambda: rb.KSparseTask(8, 2, source="zipf").evaluation_sets(0),
        "draw is 0: it must be at least 1; raise it",
    ),
    "AllSets: size": (
        lambda: AllSets(3, 4),
        "set_size is 4 and vocab_size is 3: a set has distinct tokens, so set_size <= vocab_size; "
        "lower set_size or raise vocab_size",
    ),
    "ListedSets.of: halves": (
        lambda: rb.ListedSets.of([[1.5, 2]], 8),
        "sets are [[1.5, 2]] (list): they must be lists of token ids; give such as [[0, 4, 7], "
        "[1, 2, 3]]",
    ),
    "Recipe: truth": (
        lambda: rb.Recipe(weight_decay=True),
        "weight_decay is True: it must be 0 or more and finite; change it",
    ),
    "Recipe.for_sizes: no tokens": (
        lambda: rb.Recipe.for_sizes(0, 6, 2),
        "set_size is 2 and vocab_size is 0: a set has distinct tokens, so set_size <= vocab_size; "
        "lower set_size or raise vocab_size",
    ),
    "best_constant_weight: by a list": (
        lambda: rb.best_constant_weight(50, 20, 3, by=["mse"]),
        "by is ['mse'] (list): choose one of mse, false_positives, p_exact",
    ),
    "best_constant_weight: float in the cache": (
        lambda: (rb.best_constant_weight(50, 20, 3), rb.best_constant_weight(50, 20, 3.0)),
        f"set_size is 3.0 (float): {WHOLE}",
    ),
    "constant_weight: wide": (
        lambda: rb.constant_weight(50, 10**12, 2, 3),
        "width is 1000000000000 at weight 2: the exact law would need a table of over half a "
        "gigabyte; use a smaller width or weight, or width_rule for an estimate",
    ),
    "graded_constant_weight: half": (
        lambda: rb.graded_constant_weight(50, 20, 3, 2.5, 2),
        f"half is 2.5 (float): {WHOLE}",
    ),
    "make_code: size": (
        lambda: rb.make_code("bernoulli", 8, 6, 0),
        "set_size is 0: a set has at least one token; give a set_size of 1 or more",
    ),
    "make_code: seconds": (
        lambda: rb.make_code("search", 8, 6, 2, seconds="60"),
        "seconds is '60': a search ends; give a number of 0 or more",
    ),
    "make_graded: family": (
        lambda: rb.make_graded("greedy", 8, 6, 2),
        "family is 'greedy': choose one of graded, graded-greedy, graded-search",
    ),
    "design_pools: seconds": (
        lambda: rb.design_pools(8, 1, seconds="20"),
        "seconds is '20': the search needs some time; try 20",
    ),
    "decode_pools: 2 for true": (
        lambda: rb.decode_pools(rb.Code(EYE), [0, 1, 0, 0, 0, 2]),
        "positive is [0, 1, 0, 0, 0, 2] (list): give one true or false a test, 6 of them",
    ),
    "decode_pools: text for a number": (
        lambda: rb.decode_pools(rb.Code(EYE), EYE[1], "2"),
        f"most_positives is '2' (str): {WHOLE}",
    ),
    "net: a hook of another shape": (
        lambda: NET.run_with_hooks([[1, 2]], [("hook_pre", lambda pre, _: pre[:, :2])]),
        "a hook on hook_pre returned float32 of shape (1, 2): it returns None, or an activation of "
        "shape (1, 6); mend the hook",
    ),
    "study: vocab": (lambda: rb.study(vocab_size="12"), f"vocab_size is '12' (str): {WHOLE}"),
    "study: device": (
        lambda: rb.study(vocab_size=12, device=None),
        "device is 'None': choose cpu, cuda or mps",
    ),
    "score: code": (
        lambda: rb.score(np.eye(6), NET, code=CODE.bits),
        "code is bool of shape (8, 6): give a Code or a GradedCode",
    ),
    "score: hook": (
        lambda: rb.score(np.eye(6), NET, sets=[[1, 2]], hook=0),
        "hook is 0 (int): choose one of hook_pre, hook_post",
    ),
    "score_controls: draws": (
        lambda: rb.score_controls(NET, draws=None),
        f"draws is None: {WHOLE}",
    ),
    "KSparseTask: hold out": (
        lambda: rb.KSparseTask(8, 2, hold_out="x"),
        f"hold_out is 'x' (str): {TRUTH}",
    ),
    "KSparseTask: source": (
        lambda: rb.KSparseTask(8, 2, source=np.zeros(2)),
        "source is float64 of shape (2,): choose one of uniform, zipf, file",
    ),
    "KSparseTask.from_file: skip": (
        lambda: rb.KSparseTask.from_file("a.sets", skip_bad="no"),
        f"skip_bad is 'no' (str): {TRUTH}",
    ),
    "KSparseTask.from_file: tokens": (
        lambda: rb.KSparseTask.from_file("a.sets", tokens="abc"),
        f"tokens is 'abc' (str): {LABELS}",
    ),
    "KSparseTask.from_description: text": (
        lambda: rb.KSparseTask.from_description("uniform"),
        f"task is 'uniform' (str): {DICT}",
    ),
    "KSparseTask.from_description: nothing": (
        lambda: rb.KSparseTask.from_description({}),
        f"vocab_size is None: {WHOLE}",
    ),
    "Recipe.from_description: text": (
        lambda: rb.Recipe.from_description("kl"),
        f"recipe is 'kl' (str): {DICT}",
    ),
    "Recipe.at: text": (lambda: SHORT.at("0"), f"step is '0' (str): {WHOLE}"),
    "ListedSets.of: vocabulary": (
        lambda: rb.ListedSets.of([[1, 2]], "8"),
        f"vocab_size is '8' (str): {WHOLE}",
    ),
    "net: hooks that are none": (
        lambda: NET.run_with_hooks([[1, 2]], "hook_pre"),
        "fwd_hooks are 'hook_pre' (str): give pairs of a name and a function, such as "
        '[("hook_post", function)]',
    ),
    "cache: number": (
        lambda: NET.run_with_cache([1, 2], 3),
        "names_filter is 3 (int): give a name, a list of names, or a function",
    ),
    "NetStack.split: none": (
        lambda: rb.NetStack(*(value[None] for value in WEIGHTS)).split(0),
        "together is 0: it must be at least 1; raise it",
    ),
    "ReluNet: float8": (
        lambda: rb.ReluNet(*(value.to(torch.float8_e4m3fn) for value in WEIGHTS)),
        "W_in is float8_e4m3fn of shape (8, 6): weights are real numbers; give them as float32",
    ),
    "ReluNet.from_module: size": (
        lambda: rb.ReluNet.from_module(NET.to_module(), set_size="all"),
        "set_size is 'all': give a number, or a range such as 3..8",
    ),
    "ReluNet.from_file: names": (
        lambda: rb.ReluNet.from_file("m.pt", names=3),
        f"names is 3 (int): {DICT}",
    ),
    "ReluNet.from_file: layout": (
        lambda: rb.ReluNet.from_file("m.pt", layout=[]),
        "layout is []: choose linear (both [out, in], as in nn.Linear), matmul (both [in, out], as "
        "in x @ W), embedding (both [vocab, width], as in nn.Embedding and nn.Linear), tied (both "
        "[width, vocab])",
    ),
    "ReluNet.save_pretrained: config": (
        lambda: NET.save_pretrained("a", "kl"),
        f"config is 'kl' (str): {DICT}",
    ),
    "ReluNet.report: labels": (
        lambda: NET.report("a", TASK, tokens="abcdefgh"),
        f"tokens is 'abcdefgh' (str): {LABELS}",
    ),
    "ReluNet.report: force": (
        lambda: NET.report("a", TASK, force="no"),
        f"force is 'no' (str): {TRUTH}",
    ),
    "plot.matrix: labels": (
        lambda: rb.plot.matrix(NET, tokens=[1] * 8),
        f"tokens is [1, 1, 1, 1, 1, 1, 1, 1] (list): {LABELS}",
    ),
    "Study: quick": (lambda: rb.Study(TASK, 6, quick="no"), f"quick is 'no' (str): {TRUTH}"),
    "study: skip": (
        lambda: rb.study(vocab_size=8, skip_bad=True),
        "skip_bad=True is given without sets: it skips a file's bad lines; give sets, or leave it "
        "out",
    ),
    "train_stack: resume": (
        lambda: rb.train_stack(TASK, 6, SHORT, (0,), resume="no"),
        f"resume is 'no' (str): {TRUTH}",
    ),
    "train_stack: a number of a device": (
        lambda: rb.train_stack(TASK, 6, SHORT, (0,), device=10**30),
        f"device is '{10**30}': choose cpu, cuda or mps",
    ),
    "score: sparse": (
        lambda: rb.score(torch.eye(6).to_sparse(), NET),
        "found is float32 of shape (6, 6): it must be a matrix of real numbers with at least one "
        "row and one column; give an array or a tensor",
    ),
    "Code: without data": (
        lambda: rb.Code(torch.empty(6, 6, device="meta")),
        "code is float32 of shape (6, 6): give a 0/1 matrix [vocab, width]; rb.extract_code(net) "
        "reads a network's",
    ),
    "GradedCode.of_strength: text": (
        lambda: GRADED.of_strength("2"),
        f"strength is '2' (str): {WHOLE}",
    ),
    "score_controls: figure": (
        lambda: rb.score_controls(NET, draws=1)["random"].interval("f1"),
        f"figure is 'f1': choose one of {', '.join(each.name for each in fields(rb.Score))}",
    ),
    "design_pools: nothing": (lambda: rb.design_pools(None, 2), f"samples is None: {WHOLE}"),
    "learn_code: vocabulary": (
        lambda: rb.learn_code([[0, 1], [1, 2]], 8, vocab_size="8"),
        f"vocab_size is '8' (str): {WHOLE}",
    ),
    "zoo: number": (
        lambda: rb.zoo.load(3),
        "name is 3 (int): give one, such as 'constructed-binary-96x48-k3'",
    ),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_is_clear_is_taken(case: str) -> None:
    given, meant = ACCEPTED[case]
    assert same(given(), meant())


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_is_refused_in_one_line(case: str) -> None:
    given, line = REFUSED[case]
    with pytest.raises(rb.RelubloomError, match=f"^{re.escape(line)}$") as refused:
        given()
    assert refused.value.exit_status == 2


@pytest.mark.parametrize("path", [None, 3, b"a"])
@pytest.mark.parametrize(
    "given",
    [
        CODE.save,
        rb.Code.load,
        GRADED.save,
        rb.GradedCode.load,
        rb.KSparseTask.from_file,
        NET.save_pretrained,
        rb.ReluNet.from_pretrained,
        rb.ReluNet.from_file,
        rb.Evidence.load,
        rb.load_results,
        rb.plot.width,
        lambda path: NET.report(path or 0, TASK),
        lambda path: rb.run_study(STUDY, path),
        lambda path: rb.study(path or 0, vocab_size=8),
        lambda path: rb.Study(TASK, 6, init_from=path or 0),
        lambda path: rb.train_stack(TASK, 6, SHORT, (0,), checkpoint=path or 0),
        lambda path: rb.zoo.load("constructed-binary-96x48-k3", cache=path or 0),
    ],
)
def test_what_is_no_path_is_refused(given: Callable[[Any], Any], path: Any) -> None:
    line = r"^\w+ is (None|. \(int\)|b'a' \(bytes\)): it must be a path; give such as 'runs/a'$"
    with pytest.raises(rb.UsageError, match=line):
        given(path)


def test_no_file_has_a_nul_in_its_name() -> None:
    line = r"^path is 'a\\x00': no file can have that name; give another$"
    with pytest.raises(rb.UsageError, match=line):
        NET.save_pretrained("a\0")


def test_a_value_of_many_lines_is_told_in_one() -> None:
    with pytest.raises(rb.UsageError) as refused:
        rb.KSparseTask(8, np.zeros((2, 2)))
    assert "\n" not in str(refused.value)


def test_texts_are_paths(tmp_path: Path) -> None:
    NET.save_pretrained(str(tmp_path / "net"))
    assert same(rb.ReluNet.from_pretrained(str(tmp_path / "net")), NET)
    with os.scandir(tmp_path) as entries:  # paths, and no Path
        assert same(rb.ReluNet.from_pretrained(next(entries)), NET)
    CODE.save(str(tmp_path / "code.npz"))
    assert rb.Code.load(str(tmp_path / "code.npz")) == CODE
    at = str(tmp_path / "checkpoint.safetensors")
    rb.train_stack(TASK, 6, SHORT, (0,), checkpoint=at)
    assert Path(at).exists()
    with pytest.raises(rb.RelubloomError, match=r"results\.sqlite is not there"):
        rb.load_results(str(tmp_path))


def test_a_study_goes_into_a_folder_given_as_a_text(tmp_path: Path) -> None:
    rb.run_study(rb.Study(TASK, 6, SHORT, quick=True), str(tmp_path / "out"))
    assert (tmp_path / "out" / "study.json").exists()


@pytest.mark.parametrize("again", [copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
@pytest.mark.parametrize("given", [CODE, GRADED], ids=["Code", "GradedCode"])
def test_codes_and_their_copies_cannot_be_changed(given: Any, again: Callable[[Any], Any]) -> None:
    assert again(given) == given
    for code in (given, again(given)):
        for name in ("bits", "weights", "packed" if code is CODE else "bits"):
            with pytest.raises(ValueError, match="read-only"):
                getattr(code, name)[0] = 1


def test_collections_of_the_same_sets_are_equal() -> None:
    def drawn(vocab_size: int) -> rb.SetCollection:
        return rb.KSparseTask(vocab_size, 2, source="zipf").evaluation_sets(50)

    listed = rb.ListedSets.of([[1, 2], [3, 4]], 8)
    assert listed == rb.ListedSets.of([[2, 1], [3, 4]], 8)
    assert listed != rb.ListedSets.of([[1, 2], [3, 5]], 8)
    assert drawn(8) == drawn(8) != drawn(9)
    assert hash(drawn(8)) == hash(drawn(8))
    assert drawn(8).chunk(0, 0).shape == (0, 2)
    assert rb.AllSets(8, 2) == TASK.evaluation_sets() != listed


def test_tasks_of_files_are_equal_if_the_files_say_the_same(tmp_path: Path) -> None:
    def task(name: str, text: str) -> rb.KSparseTask:
        (tmp_path / name).write_text(text)
        return rb.KSparseTask.from_file(tmp_path / name, np.int64(2), tokens=["a", "b", "c"])

    one, same_lines, other = (
        task("1", "a b\na c\n"),
        task("2", "a b\na c\n"),
        task("3", "a b\nb c\n"),
    )
    assert one == same_lines != other
    assert hash(one) == hash(same_lines)
    assert rb.KSparseTask.from_file(tmp_path / "1", "1..2") == rb.KSparseTask.from_file(
        tmp_path / "1"
    )


def test_to_module_draws_nothing() -> None:
    before = torch.random.get_rng_state()
    assert torch.equal(NET.to_module()(torch.eye(8)), NET([[t] for t in range(8)]))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_network_whose_tensors_are_one_is_kept(tmp_path: Path) -> None:
    square, bias = torch.eye(6), torch.zeros(6)
    rb.ReluNet(square, bias, square, bias).save_pretrained(tmp_path)
    assert same(rb.ReluNet.from_pretrained(tmp_path), rb.ReluNet(square, bias, square, bias))


def test_a_checkpoint_takes_seeds_of_numpy(tmp_path: Path) -> None:
    at = tmp_path / "checkpoint.safetensors"
    rb.train_stack(TASK, 6, SHORT, (np.int64(0),), checkpoint=at)
    assert rb.train_stack(TASK, 6, SHORT, (0,), checkpoint=at, resume=True)[0].seed == 0


def test_each_public_function_is_tried() -> None:
    tried = {case.split(":")[0].split(".")[0] for case in [*ACCEPTED, *REFUSED]}
    functions = {name for name in rb.__all__ if inspect.isfunction(getattr(rb, name))}
    elsewhere = {"examine_layer", "examine_readout", "load_results"}  # by tests of their own
    assert functions - elsewhere <= tried


def test_a_remedy_names_arguments_in_python_and_options_on_the_command_line() -> None:
    line = (
        "give --set-size 3 or --set-size k, raise --seeds; --force, or `relubloom study --force` "
    )
    line += "(in Python force=True)"
    error = rb.UsageError(line)
    assert str(error) == (
        "give set_size=3 or set_size=k, raise seeds; force=True, or `relubloom study --force`"
    )
    assert error.args == (line,)
    path = "models--gpt2/snap--x/w.safetensors is no folder; --out-of it, /a/--force/b"
    assert str(rb.UsageError(path)).startswith("models--gpt2/snap--x/w.safetensors is no folder;")
    assert str(rb.UsageError(path)).endswith("/a/--force/b")


def test_a_notebook_shows_the_callers_line_alone() -> None:
    with pytest.raises(rb.UsageError) as refused:
        rb.gather_evidence(NET, "kiwi.sets")
    shown = "".join(refused.value._render_traceback_())
    assert 'rb.gather_evidence(NET, "kiwi.sets")' in shown and "src/relubloom" not in shown
    assert shown.splitlines()[-1] == f"UsageError: {refused.value}"


def test_a_study_is_called_as_it_says() -> None:
    signature = inspect.signature(rb.study)
    assert list(signature.parameters)[:3] == ["out", "resume", "force"]
    assert "train, construct, examine, report" in (inspect.getdoc(rb.study) or "")


def test_what_is_long_is_told_by_its_type() -> None:
    assert described("a" * 58) == f"'{'a' * 58}' (str)"  # 60 characters with its quotes
    assert described("a" * 59) == "a str"
    assert described(SimpleNamespace(shape=(3,))) == "a SimpleNamespace"
