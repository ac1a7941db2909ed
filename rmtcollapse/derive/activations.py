"""Activations of random features, and their Gaussian moments by quadrature."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from rmtcollapse.errors import ParameterError, did_you_mean

__all__ = ["Activation", "Moments", "activation"]

_REACH = 13.0  # standard deviations; beyond, the Gaussian weight is below 1e-37
_NODES = 24
_GROWTH = 1.5  # of the panels, away from where the activation may turn
_AGREE = 1e-9  # relative difference of two quadratures that shows a turning point that was not named
_FLAT = 1e-12  # mean, relative to the size of the activation, that is rounding


@dataclass(frozen=True)
class Moments:
    r"""Gaussian equivalent of f at an argument of variance tau^2.

    Attributes
    ----------
    mean : float
        :math:`\mu_0=E f(\tau g)`.
    slope : float
        :math:`\mu_1=E[g f(\tau g)]/\tau`, the coefficient of the argument.
    noise : float
        :math:`\mu_*`, with :math:`\mu_*^2=E f^2-\mu_0^2-\mu_1^2\tau^2`.
    """

    mean: float
    slope: float
    noise: float

    def is_centred(self, variance: float) -> bool:
        """Whether the mean is zero up to rounding, at an argument of this variance."""
        return abs(self.mean) <= _FLAT * np.hypot(self.noise, self.slope * np.sqrt(variance))


@dataclass(frozen=True)
class Activation:
    """A function of one number, applied entry by entry; `kinks` are where it is not smooth."""

    name: str
    function: Callable[[Any], Any]
    kinks: tuple[float, ...] = ()

    def __call__(self, x: Any) -> np.ndarray:
        values = np.asarray(self.function(x), dtype=float)
        if values.shape != np.shape(x):
            raise ParameterError("activation", self.name, "a function that maps an array to an array of its shape")
        return values

    def moments(self, variance: float) -> Moments:
        """Moments at an argument of this variance.

        Raises
        ------
        ParameterError
            Where they are infinite, or the quadrature finds a turning point that `kinks` does not name.
        """
        return _moments(self, float(variance))


@lru_cache(maxsize=256)
def _moments(f: Activation, variance: float) -> Moments:
    coarse, fine = (_integrated(f, variance, growth) for growth in (_GROWTH, _GROWTH**0.5))
    if not np.isfinite(fine).all():
        raise ParameterError("activation", f.name, "a function with finite Gaussian moments")
    if np.abs(fine - coarse).max() > _AGREE * np.abs(fine).max():
        raise ParameterError(
            "activation", f.name, "smooth away from kinks: name the points where it jumps or bends, kinks=(0.0,)"
        )
    return Moments(*map(float, fine))


def _integrated(f: Activation, variance: float, growth: float) -> np.ndarray:
    """Mean, slope and noise by panels of Gauss and Legendre; what is left after the linear part is squared."""
    tau = np.sqrt(variance)
    g, weight = _panels(tau, f.kinks, growth)
    with np.errstate(all="ignore"):  # what is not finite is refused
        values = f(tau * g)
        mean = np.sum(weight * values)
        slope = np.sum(weight * g * (values - mean)) / tau
        rest = values - mean - slope * tau * g
        return np.array([mean, slope, np.sqrt(np.sum(weight * rest**2))])


def _panels(tau: float, kinks: Sequence[float], growth: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and Gaussian weights; panels shrink towards each place where the activation may turn."""
    finest = 0.05 * min(1.0, 1.0 / tau)
    steps = finest * growth ** np.arange(np.ceil(np.log(2 * _REACH / finest) / np.log(growth)))
    ladder = np.concatenate([-steps, [0.0], steps])
    places = np.array([0.0, *(k / tau for k in kinks)])
    even = np.linspace(-_REACH, _REACH, 105)
    ends = np.unique(np.concatenate([even, *(p + ladder for p in places)]))
    ends = ends[np.abs(ends) <= _REACH]
    x, w = np.polynomial.legendre.leggauss(_NODES)
    half = np.diff(ends) / 2
    g = (ends[:-1] + half)[:, None] + half[:, None] * x
    return g.ravel(), (half[:, None] * w * np.exp(-(g**2) / 2) / np.sqrt(2 * np.pi)).ravel()


def _sigmoid(x: Any) -> Any:
    from scipy.special import expit

    return expit(x)


def _gelu(x: Any) -> Any:
    from scipy.special import ndtr

    return x * ndtr(x)


def _erf(x: Any) -> Any:
    from scipy.special import erf

    return erf(x)


_NAMED = {
    "abs": Activation("abs", np.abs, (0.0,)),
    "erf": Activation("erf", _erf),
    "gelu": Activation("gelu", _gelu),
    "identity": Activation("identity", np.array),
    "relu": Activation("relu", lambda x: np.maximum(x, 0.0), (0.0,)),
    "sigmoid": Activation("sigmoid", _sigmoid),
    "sign": Activation("sign", np.sign, (0.0,)),
    "silu": Activation("silu", lambda x: x * _sigmoid(x)),
    "sin": Activation("sin", np.sin),
    "softplus": Activation("softplus", lambda x: np.logaddexp(x, 0.0)),
    "tanh": Activation("tanh", np.tanh),
}
_OWN: dict[str, Activation] = {}


def activation(given: Any, kinks: Sequence[float] = ()) -> Activation:
    """An activation by its name, or a function of one's own with the points where it is not smooth."""
    if isinstance(given, str):
        known = {**_NAMED, **_OWN}
        if given not in known:
            raise ParameterError("activation", given, f"one of {', '.join(_NAMED)}{did_you_mean(given, _NAMED)}")
        return known[given]
    if not callable(given):
        raise ParameterError("activation", given, f"a function of an array, or one of {', '.join(_NAMED)}")
    try:
        places = tuple(sorted(float(k) for k in kinks))
    except (TypeError, ValueError):
        raise ParameterError("kinks", kinks, "finite numbers, where the activation is not smooth") from None
    if not np.isfinite(places).all():
        raise ParameterError("kinks", kinks, "finite numbers, where the activation is not smooth")
    for made in _OWN.values():
        if made.function is given and made.kinks == places:
            return made
    made = Activation(f"f{len(_OWN) + 1}", given, places)
    _OWN[made.name] = made
    return made
