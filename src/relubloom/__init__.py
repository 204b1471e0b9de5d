"""relubloom: ReLU networks that store sets of tokens as Bloom filters do.

The front door: everything listed in `__all__` is public and loaded on first use, so that
`import relubloom` costs nothing; all other names are free to move.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from relubloom._version import __version__ as __version__

if TYPE_CHECKING:
    from relubloom import plot, zoo
    from relubloom.code import (
        Code,
        GradedCode,
        decode_pools,
        design_pools,
        learn_code,
        make_code,
        make_graded,
        random_constant_weight,
    )
    from relubloom.errors import RelubloomError
    from relubloom.evidence import Evidence, gather_evidence
    from relubloom.evidence.certificate import certify
    from relubloom.evidence.layer import LayerEvidence, examine_layer
    from relubloom.evidence.readout_alone import ReadoutAlone, examine_readout
    from relubloom.evidence.recovery import Score
    from relubloom.network.construct import construct
    from relubloom.network.extract import extract_code
    from relubloom.network.relu_net import NetStack, ReluNet
    from relubloom.network.strengths import extract_graded_code
    from relubloom.records.certificate import Certificate
    from relubloom.study.settings import Study
    from relubloom.study.study import run_study, study
    from relubloom.sweep.results import load_results
    from relubloom.task import KSparseTask, ListedSets
    from relubloom.theory import (
        best_constant_weight,
        constant_weight,
        graded_constant_weight,
        plan,
    )
    from relubloom.training import Recipe, train, train_stack
    from relubloom.zoo.scoring import score, score_controls

_MODULES = ("plot", "study", "zoo")
_HOMES = {
    "Code": "code",
    "GradedCode": "code",
    "decode_pools": "code",
    "design_pools": "code",
    "learn_code": "code",
    "make_code": "code",
    "make_graded": "code",
    "random_constant_weight": "code",
    "construct": "network.construct",
    "RelubloomError": "errors",
    "Evidence": "evidence",
    "gather_evidence": "evidence",
    "Certificate": "records.certificate",
    "certify": "evidence.certificate",
    "LayerEvidence": "evidence.layer",
    "examine_layer": "evidence.layer",
    "ReadoutAlone": "evidence.readout_alone",
    "examine_readout": "evidence.readout_alone",
    "Score": "evidence.recovery",
    "score": "zoo.scoring",
    "score_controls": "zoo.scoring",
    "extract_code": "network.extract",
    "extract_graded_code": "network.strengths",
    "NetStack": "network.relu_net",
    "ReluNet": "network.relu_net",
    "Study": "study.settings",
    "run_study": "study.study",
    "load_results": "sweep.results",
    "KSparseTask": "task",
    "ListedSets": "task",
    "plan": "theory",
    "best_constant_weight": "theory",
    "constant_weight": "theory",
    "graded_constant_weight": "theory",
    "Recipe": "training",
    "train": "training",
    "train_stack": "training",
}

__all__ = [
    "Certificate",
    "Code",
    "Evidence",
    "GradedCode",
    "KSparseTask",
    "LayerEvidence",
    "ListedSets",
    "NetStack",
    "ReadoutAlone",
    "Recipe",
    "ReluNet",
    "RelubloomError",
    "Score",
    "Study",
    "best_constant_weight",
    "certify",
    "constant_weight",
    "construct",
    "decode_pools",
    "design_pools",
    "examine_layer",
    "examine_readout",
    "extract_code",
    "extract_graded_code",
    "gather_evidence",
    "graded_constant_weight",
    "learn_code",
    "load_results",
    "make_code",
    "make_graded",
    "plan",
    "plot",
    "random_constant_weight",
    "run_study",
    "score",
    "score_controls",
    "study",
    "train",
    "train_stack",
    "zoo",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"relubloom.{name}")
    if name not in _HOMES:
        raise AttributeError(f"relubloom has no {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"relubloom.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
