"""One mode or two: the mixture over all entries of W_in, in figures."""

import numpy as np
from numpy.typing import NDArray

from relubloom.evidence.mechanism.units import share_near
from relubloom.network.modes import fit_two_modes
from relubloom.records.mechanism import InputModes


def measure_input_modes(W_in: NDArray[np.float64]) -> InputModes:
    """Fit the mixture to all entries of W_in [vocab, width]. Cost: that of `fit_two_modes`."""
    entries = W_in.reshape(-1, 1)
    modes = fit_two_modes(entries)
    gap = float(modes.gap[0])
    return InputModes(
        mode_gap=None if np.isnan(gap) else gap,
        two_valued=bool(modes.distinct[0] == 2),
        two_modes=bool(modes.bic_gain[0] > 0),
        mode_means=modes.mean[:, 0].tolist(),
        mode_sds=modes.sd[:, 0].tolist(),
        mode_shares=modes.share[:, 0].tolist(),
        near_threshold=float(share_near(entries, modes)[0]),
    )
