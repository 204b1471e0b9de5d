"""How the network came about: when its modes split, and in what order its hashes settle."""

from relubloom.evidence.dynamics.summary import Dynamics, dynamics_of, measure_dynamics

__all__ = ["Dynamics", "dynamics_of", "measure_dynamics"]
