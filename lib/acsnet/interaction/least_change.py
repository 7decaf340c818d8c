"""The smallest change that meets demands, where the parts of a change go together.

It is a quadratic programme with one unknown a demand, and does not depend on their order. Not from
the paper.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

JITTER = 1e-4
"""Share of the variance: demands are met to a hundredth of their unit."""


def multipliers(covariance: NDArray[np.float64], least: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) weights, none negative, of the likeliest change that is at least `least`.

    Args:
        covariance: (n, n) of what the demands are on; where they clash, one in between is met.
        least: (n,) of each demand.
    """
    # min 1/2 l'Gl - b'l over l >= 0, as least squares of its Cholesky factor.
    factor = np.linalg.cholesky(covariance + JITTER * np.eye(len(least)))
    out, _ = nnls(factor.T, np.linalg.solve(factor, least), maxiter=50 * len(least))
    weights: NDArray[np.float64] = out
    return weights
