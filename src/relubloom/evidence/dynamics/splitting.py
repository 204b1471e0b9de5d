"""When the entries of W_in part into two modes."""

import numpy as np
from numpy.typing import NDArray

from relubloom.evidence.dynamics.for_good import for_good, step_of
from relubloom.evidence.mechanism.units import BIT_GAP, share_near
from relubloom.network.modes import fit_two_modes
from relubloom.records.dynamics import Splitting

GROUPS = 1 << 12  # neighbours that share a posterior: a gap is then off by less than 1 %


def follow_modes(film: NDArray[np.float32], steps: list[int]) -> Splitting:
    """Fit the mixture to each snapshot of the film [snapshots, tokens, width].

    Cost: O(tokens width log) for sorting, and up to 500 iterations of EM on 4,096 groups, a
    snapshot: about 2 s for 40 snapshots.
    """
    entries = [frame.reshape(-1, 1).astype(np.float64) for frame in film]
    fits = [fit_two_modes(each, GROUPS) for each in entries]
    gaps = np.array([fit.gap[0] for fit in fits])
    two_valued = np.array([fit.distinct[0] == 2 for fit in fits])
    two_modes = np.array([fit.bic_gain[0] > 0 for fit in fits])
    apart = two_modes & (two_valued | (gaps >= BIT_GAP))
    return Splitting(
        gap=[None if np.isnan(gap) else float(gap) for gap in gaps],
        two_modes=two_modes.tolist(),
        near_threshold=[
            float(share_near(each, fit)[0]) for each, fit in zip(entries, fits, strict=True)
        ],
        low=[float(fit.mean[0, 0]) for fit in fits],
        high=[float(fit.mean[1, 0]) for fit in fits],
        two_modes_step=step_of(int(for_good(two_modes)), steps),
        split_step=step_of(int(for_good(apart)), steps),
    )
