"""relubloom: ReLU networks that store sets of tokens as Bloom filters do.

The front door: every name here is public and loaded on first use, so that `import relubloom`
costs nothing; all other names are free to move.
"""

from typing import TYPE_CHECKING

from relubloom._version import __version__ as __version__

if TYPE_CHECKING:  # what a checker and an editor see
    from relubloom import plot as plot
    from relubloom import zoo as zoo
    from relubloom.code import Code as Code
    from relubloom.code import DecodedPools as DecodedPools
    from relubloom.code import GradedCode as GradedCode
    from relubloom.code import PoolDesign as PoolDesign
    from relubloom.code import decode_pools as decode_pools
    from relubloom.code import design_pools as design_pools
    from relubloom.code import learn_code as learn_code
    from relubloom.code import make_code as make_code
    from relubloom.code import make_graded as make_graded
    from relubloom.code import random_constant_weight as random_constant_weight
    from relubloom.errors import DivergedError as DivergedError
    from relubloom.errors import FileError as FileError
    from relubloom.errors import RelubloomError as RelubloomError
    from relubloom.errors import StoppedError as StoppedError
    from relubloom.errors import UsageError as UsageError
    from relubloom.evidence import Evidence as Evidence
    from relubloom.evidence import gather_evidence as gather_evidence
    from relubloom.evidence.certificate import certify as certify
    from relubloom.evidence.layer import LayerEvidence as LayerEvidence
    from relubloom.evidence.layer import examine_layer as examine_layer
    from relubloom.evidence.readout_alone import ReadoutAlone as ReadoutAlone
    from relubloom.evidence.readout_alone import examine_readout as examine_readout
    from relubloom.evidence.recovery import ControlScores as ControlScores
    from relubloom.evidence.recovery import Score as Score
    from relubloom.network.construct import construct as construct
    from relubloom.network.extract import extract_code as extract_code
    from relubloom.network.relu_net import HookPoint as HookPoint
    from relubloom.network.relu_net import NetStack as NetStack
    from relubloom.network.relu_net import ReluNet as ReluNet
    from relubloom.network.strengths import extract_graded_code as extract_graded_code
    from relubloom.records.behaviour import Behaviour as Behaviour
    from relubloom.records.certificate import Certificate as Certificate
    from relubloom.records.certificate import Interval as Interval
    from relubloom.records.interventions import Interventions as Interventions
    from relubloom.records.ladder import Ladder as Ladder
    from relubloom.records.mechanism import Mechanism as Mechanism
    from relubloom.records.study import StudyRecord as StudyRecord
    from relubloom.study.settings import Study as Study
    from relubloom.study.settings import StudyOptions as StudyOptions
    from relubloom.study.study import run_study as run_study
    from relubloom.study.study import study as study
    from relubloom.sweep.results import SweepTable as SweepTable
    from relubloom.sweep.results import load_results as load_results
    from relubloom.task import AllSets as AllSets
    from relubloom.task import DrawnSets as DrawnSets
    from relubloom.task import KSparseTask as KSparseTask
    from relubloom.task import ListedSets as ListedSets
    from relubloom.task import SetCollection as SetCollection
    from relubloom.task import SetsFile as SetsFile
    from relubloom.theory import Expectations as Expectations
    from relubloom.theory import Plan as Plan
    from relubloom.theory import best_constant_weight as best_constant_weight
    from relubloom.theory import constant_weight as constant_weight
    from relubloom.theory import graded_constant_weight as graded_constant_weight
    from relubloom.theory import plan as plan
    from relubloom.training import HistoryRow as HistoryRow
    from relubloom.training import Recipe as Recipe
    from relubloom.training import TrainedNetwork as TrainedNetwork
    from relubloom.training import TrainingProgress as TrainingProgress
    from relubloom.training import train as train
    from relubloom.training import train_stack as train_stack
    from relubloom.zoo.scoring import score as score
    from relubloom.zoo.scoring import score_controls as score_controls
else:
    import sys
    from importlib import import_module

    _SELF = sys.modules[__name__]
    _COMMANDS = ("compare", "examine", "query", "sweep")  # without a function
    _MODULES = ("plot", "study", "zoo")
    _HOMES = {
        "code": "Code DecodedPools GradedCode PoolDesign decode_pools "
        "design_pools learn_code make_code make_graded random_constant_weight",
        "errors": "DivergedError FileError RelubloomError StoppedError UsageError",
        "evidence": "Evidence gather_evidence",
        "evidence.certificate": "certify",
        "evidence.layer": "LayerEvidence examine_layer",
        "evidence.readout_alone": "ReadoutAlone examine_readout",
        "evidence.recovery": "ControlScores Score",
        "network.construct": "construct",
        "network.extract": "extract_code",
        "network.relu_net": "HookPoint NetStack ReluNet",
        "network.strengths": "extract_graded_code",
        "records.behaviour": "Behaviour",
        "records.certificate": "Certificate Interval",
        "records.interventions": "Interventions",
        "records.ladder": "Ladder",
        "records.mechanism": "Mechanism",
        "records.study": "StudyRecord",
        "study.settings": "Study StudyOptions",
        "study.study": "run_study",
        "sweep.results": "SweepTable load_results",
        "task": "AllSets DrawnSets KSparseTask ListedSets SetCollection SetsFile",
        "theory": "Expectations Plan best_constant_weight "
        "constant_weight graded_constant_weight plan",
        "training": "HistoryRow Recipe TrainedNetwork TrainingProgress train train_stack",
        "zoo.scoring": "score score_controls",
    }
    _HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}
    __all__ = sorted([*_HOME_OF, *_MODULES])

    def __getattr__(name: str) -> object:
        if name in _MODULES:
            return import_module(f"relubloom.{name}")
        if name not in _HOME_OF:
            way = "dir(relubloom) lists what it has"
            if name in _COMMANDS:
                way = f"the command `relubloom {name} --json --quiet` does it"
            raise AttributeError(f"relubloom has no {name!r}; {way}", name=name, obj=_SELF)
        return getattr(import_module(f"relubloom.{_HOME_OF[name]}"), name)

    def __dir__() -> list[str]:
        return [*__all__, "__version__"]
