"""How far predicted divergences are trusted, and what each measurement of a swap teaches about that.

Each unit's predictions may be off by one factor: normal about 1 at first. A measured change of the whole is
the sum of the units' changes, each times its factor, and a noise for what units do to each other; so the
factors are updated as in linear regression with a normal prior. It knows no formats and no bytes.
"""

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_INTERACTION = 0.5
"""The noise of a measured change, as a share of the uncertainty that the units' own factors give it."""


class Beliefs:
    """Of `units` factors; `spread` is the standard deviation of each at first: 0.1 for predictions that are
    mostly within 10 %."""

    def __init__(self, units: int, spread: float) -> None:
        self.means: Floats = np.ones(units)
        self.covariance: Floats = np.eye(units) * spread**2
        self._spread = spread

    def expected(self, changes: Floats) -> float:
        """What predicted `changes` (units,) add up to."""
        return float(changes @ self.means)

    def deviation(self, changes: Floats) -> float:
        """The standard deviation of that."""
        return math.sqrt(max(float(changes @ self.covariance @ changes), 0.0))

    def learn(self, changes: Floats, measured: float) -> None:
        """`measured` is what the change of the whole came to where `changes` were predicted."""
        noise = float(np.square(changes).sum()) * (self._spread * _INTERACTION) ** 2
        towards = self.covariance @ changes
        variance = float(changes @ towards) + noise
        if variance <= 0.0:
            return
        self.means = self.means + towards * ((measured - self.expected(changes)) / variance)
        self.covariance = self.covariance - np.outer(towards, towards) / variance
