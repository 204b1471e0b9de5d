"""How the network came about: when its modes split, and in what order its hashes settle."""

from relubloom.evidence.dynamics.summary import dynamics_of, measure_dynamics
from relubloom.records.dynamics import Dynamics

__all__ = ["Dynamics", "dynamics_of", "measure_dynamics"]
