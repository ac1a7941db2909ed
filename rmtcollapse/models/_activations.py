r"""Activations: the law of their squared slope at a normal preactivation, their energy, and both with mpmath.

``"erf"`` is the plain error function, of slope :math:`2/\sqrt\pi` at 0. A person's own activation is a pair of
vectorised functions, (activation, derivative), a triple with its kinks, or one function with an attribute
``derivative`` and perhaps one ``kinks``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError, ParameterError
from rmtcollapse.spectra._layer_gains import (
    REACH,
    Gains,
    GaussianGains,
    HyperbolicGains,
    SlopeGains,
    SwitchGains,
    gaussian_nodes,
)
from rmtcollapse.spectra._layer_pieces import Piece, PieceGains, monotone_pieces, panel_nodes

__all__ = ["NAMES", "Activation", "closed_energy", "energy", "gains", "named", "own_activation", "reference_columns"]

LARGEST = 1e4  # preactivation variance at which an unknown slope is resolved
MOST_KINKS = 20
NOTHING = 1e-30  # of the largest squared slope, what a slope that tends to 0 has far away
_ATTRIBUTES = (("derivative", None), ("kinks", ()))
Array = NDArray[np.float64]
Function = Callable[[Any], Any]


@dataclass(frozen=True)
class Activation:
    """A function and its derivative, both vectorised.

    Attributes
    ----------
    value, slope : callable
        From preactivations (n,) to arrays (n,).
    kinks : tuple of float
        Preactivations between which both are smooth, in increasing order.
    """

    value: Function
    slope: Function
    kinks: tuple[float, ...] = ()


def _erf(h: Any) -> Any:
    from scipy.special import erf

    return erf(h)


def _sech_squared(h: Any) -> Any:
    return 1 / np.cosh(np.clip(h, -350.0, 350.0)) ** 2


_NAMED: Mapping[str, Activation] = {
    "linear": Activation(lambda h: h, np.ones_like),
    "relu": Activation(lambda h: np.maximum(h, 0.0), lambda h: 1.0 * (h > 0)),
    "hard-tanh": Activation(lambda h: np.clip(h, -1.0, 1.0), lambda h: 1.0 * (np.abs(h) < 1)),
    "tanh": Activation(np.tanh, _sech_squared),
    "erf": Activation(_erf, lambda h: 2 / math.sqrt(math.pi) * np.exp(-(h**2))),
}
NAMES = tuple(_NAMED)


def named(activation: Any) -> Activation:
    """The functions of an activation, whichever way it was given."""
    return _NAMED[activation] if isinstance(activation, str) else activation


def own_activation(name: str, value: Any, domain: str) -> Activation:
    """A person's own activation, or a refusal that says what is missing."""
    if isinstance(value, Activation):
        return value
    given = value if isinstance(value, tuple) else (value, *(getattr(value, n, d) for n, d in _ATTRIBUTES))
    if len(given) not in (2, 3) or not callable(given[0]):
        raise ParameterError(name, value, domain)
    if not callable(given[1]):
        raise ParameterError(name, value, f"{domain}; this function has no derivative")
    made = Activation(given[0], given[1], _kinks(name, value, given[2]) if len(given) == 3 else ())
    _check(name, value, made)
    return made


def _kinks(name: str, value: Any, kinks: Any) -> tuple[float, ...]:
    """Places in increasing order, or a refusal."""
    domain = f"kinks that are at most {MOST_KINKS} finite numbers, such as (0.0,)"
    try:
        places = np.atleast_1d(np.asarray(kinks))
    except ValueError:
        raise ParameterError(name, kinks, domain) from None
    if places.size == 0:
        return ()
    if places.dtype.kind not in "iuf" or places.ndim != 1 or not np.isfinite(places).all() or places.size > MOST_KINKS:
        raise ParameterError(name, kinks, domain)
    return tuple(np.unique(places.astype(float)).tolist())


def _check(name: str, value: Any, made: Activation) -> None:
    """Refuse functions that are not vectorised, not finite, or not a function and its derivative."""
    h = np.linspace(-3.1, 3.3, 41)
    try:
        below, above, slope = (np.asarray(f(x), float) for f, x in
                               ((made.value, h - 1e-5), (made.value, h + 1e-5), (made.slope, h)))  # fmt: skip
    except (TypeError, ValueError, AttributeError, ArithmeticError) as error:
        domain = f"functions of NumPy arrays ({type(error).__name__}: {str(error).splitlines()[0][:60]})"
        raise ParameterError(name, value, domain) from None
    if not all(a.shape == h.shape and np.isfinite(a).all() for a in (below, above, slope)):
        raise ParameterError(name, value, "functions that give one finite number for each preactivation")
    differences = (above - below) / 2e-5
    near = np.abs(differences - slope) <= 1e-4 * (1 + np.abs(slope))
    if near.mean() < 0.9:  # a kink may lie between two of the places
        worst = int(np.argmax(np.abs(differences - slope)))
        grows = f"at {h[worst]:.3g} it grows by {differences[worst]:.4g}, not {slope[worst]:.4g}"
        domain = f"a function and its derivative ({grows})"
        raise ParameterError(name, value, domain)


# ---- the law of the squared slope ---------------------------------------------------------------------------------


def gains(activation: Any, variance: float) -> Gains:
    """The law of the squared slope at a normal preactivation of this variance."""
    if activation in ("linear", "relu"):
        return SwitchGains(1.0 if activation == "linear" else 0.5)
    if activation == "hard-tanh":
        place = 1 / math.sqrt(2 * variance)
        return SwitchGains(math.erf(place), zero=math.erfc(place))
    if activation == "tanh":
        return HyperbolicGains(variance)
    if activation == "erf":
        return GaussianGains(4 / math.pi, variance)
    return _kinked_gains(activation, variance) if activation.kinks else _own_gains(activation, variance)


def _kinked_gains(activation: Activation, variance: float) -> Gains:
    """Of a person's own activation with kinks: smooth pieces, some of a constant slope."""
    if variance > LARGEST:
        raise ParameterError("preactivation_variance", variance, f"at most {LARGEST:g} with an activation of your own")
    root = math.sqrt(variance)

    def square(z: Array) -> Array:
        return np.asarray(activation.slope(root * z), float) ** 2 + 0 * z

    pieces = monotone_pieces(square, [kink / root for kink in activation.kinks])
    with np.errstate(all="ignore"):
        far, beyond = (square(np.array([-z, z])) for z in (1e6, 1e9))
    inside = square(gaussian_nodes(6, reach=REACH / 2)[0])
    _refuse_unbounded(activation, beyond[beyond > 1.01 * far], inside)
    largest = max(piece.high for piece in pieces)
    pieces = [Piece(p.left, p.right, p.low / largest if p.low > NOTHING * largest else 0.0, p.high / largest)
              for p in pieces]  # fmt: skip
    levels = {(p.low, p.high) for p in pieces if p.high > 0}
    if levels == {(1.0, 1.0)}:
        return SwitchGains(min(1.0, sum(p.mass for p in pieces if p.high > 0)), largest)
    return PieceGains(lambda z: square(z) / largest, largest, pieces)


def _own_gains(activation: Activation, variance: float) -> Gains:
    """Of a person's own activation: its largest squared slope is searched for."""

    if variance > LARGEST:
        raise ParameterError("preactivation_variance", variance, f"at most {LARGEST:g} with an activation of your own")
    places, _ = gaussian_nodes(6)
    h = math.sqrt(variance) * places
    square = np.asarray(activation.slope(h), float) ** 2
    _refuse_unbounded(activation, square[[0, -1]], square[h.size // 4 : -h.size // 4])
    ends = _extreme(activation, h, square, -1.0), _extreme(activation, h, square, 1.0)
    smallest, largest = (max(end, 0.0) for end in ends)
    if smallest > largest * (1 - 1e-12):
        return SwitchGains(1.0, largest)

    def relative(x: Array) -> tuple[Array, Array]:
        gain = np.minimum(np.asarray(activation.slope(x), float) ** 2 / largest, 1.0)
        return gain, 1 - gain

    return SlopeGains(relative, largest, variance, smallest / largest)


def _refuse_unbounded(activation: Activation, ends: Array, inside: Array) -> None:
    """Refuse squared slopes that are not finite, nowhere above 0, or grow beyond all that matters."""
    if not (np.isfinite(inside).all() and max(ends.max(initial=0.0), inside.max()) > 0):
        domain = "a slope that is finite, and somewhere within six standard deviations not 0"
        raise ParameterError("activation", activation, domain)
    if not ends.max(initial=0.0) <= 1.01 * inside.max():
        raise ParameterError("activation", activation, "a slope that is bounded")


def _extreme(activation: Activation, h: Array, square: Array, sign: float) -> float:
    """The least or the largest squared slope, between the neighbours of the place on a grid at which it is."""
    from scipy.optimize import minimize_scalar

    def height(x: float) -> float:
        return -sign * float(np.asarray(activation.slope(np.array([x])))[0]) ** 2

    at = int(np.argmax(sign * square))
    bounds = h[max(at - 1, 0)], h[min(at + 1, h.size - 1)]
    found = minimize_scalar(height, bounds=bounds, method="bounded", options={"xatol": 1e-12})
    return sign * max(sign * float(square[at]), -float(found.fun))


def closed_energy(activation: Any, q: Any, functions: Any) -> Any:
    """The mean square of the activation at the variance *q*, in `math` or `mpmath`; None if it has no closed form."""
    if activation in ("linear", "relu"):
        return q if activation == "linear" else q / 2
    if activation == "erf":
        return 2 / functions.pi * functions.asin(2 * q / (1 + 2 * q))
    if activation == "hard-tanh":
        a = 1 / functions.sqrt(q)
        density = functions.exp(-(a**2) / 2) / functions.sqrt(2 * functions.pi)
        inner = functions.erf(a / functions.sqrt(2)) - 2 * a * density
        return q * inner + functions.erfc(a / functions.sqrt(2))
    return None


def energy(activation: Any, variance: float) -> float:
    """The mean square of the activation at a normal preactivation of this variance."""
    closed = closed_energy(activation, variance, math)
    if closed is not None:
        return float(closed)
    before, kinks = math.nan, getattr(activation, "kinks", ())
    for level in range(8) if kinks else range(max(0, math.ceil(math.log2(variance) / 2)), 16):
        places, weights = _between(kinks, variance, level) if kinks else gaussian_nodes(level)
        now = math.fsum(weights * np.asarray(named(activation).value(math.sqrt(variance) * places), float) ** 2)
        if abs(now - before) <= 1e-14 * now:
            return now
        before = now
    raise ConvergenceError(
        "the mean square of the activation did not settle under halving of the step; use a smoother one, or give kinks"
    )


def _between(kinks: tuple[float, ...], variance: float, level: int) -> tuple[Array, Array]:
    """Places of a normal variable and weights, on panels that end where preactivations of this variance have kinks."""
    inner = [k / math.sqrt(variance) for k in kinks]
    ends = [-REACH, *(z for z in inner if abs(z) < REACH), REACH]
    places, weights = zip(*(panel_nodes(a, b, level) for a, b in pairwise(ends)), strict=True)
    return np.concatenate(places), np.concatenate(weights)


# ---- the same to many digits ----------------------------------------------------------------------------------------


def reference_columns(activation: Any, variance: float, step: Any, near: float) -> dict[str, list[Any]]:
    """Nodes in mpmath at the current precision: weight, relative gain, what it lacks of 1, and squared slope.

    By the trapezoid rule in s, z = a sinh s, where a is about the distance of the pole at the argument `near`.
    """
    import mpmath as mp

    q = mp.mpf(variance)
    if activation in ("linear", "relu", "hard-tanh"):
        shares = {"linear": mp.mpf(1), "relu": mp.mpf(1) / 2, "hard-tanh": mp.erf(1 / mp.sqrt(2 * q))}
        one = [mp.mpf(1)]
        return {"multiplicity": [shares[activation]], "gain": one, "loss": [mp.mpf(0)], "square": one}
    reach = mp.sqrt(2 * mp.log(10) * (mp.mp.dps + 5))
    scale = 1 / mp.sqrt(q * (1 + mp.mpf(near)) + 1)
    angles = [k * step for k in range(int(mp.asinh(reach / scale) / step) + 2)]
    places = [scale * mp.sinh(s) for s in angles]
    weights = [(1 if s == 0 else 2) * step * scale * mp.cosh(s) * mp.npdf(z)
               for s, z in zip(angles, places, strict=True)]  # fmt: skip
    roots = [mp.sqrt(q) * z for z in places]
    if activation == "erf":
        gain, loss = [mp.exp(-2 * h**2) for h in roots], [-mp.expm1(-2 * h**2) for h in roots]
        square = [4 / mp.pi * c for c in gain]
    else:
        gain = [mp.sech(h) ** 4 for h in roots]
        loss = [mp.tanh(h) ** 2 * (2 - mp.tanh(h) ** 2) for h in roots]
        square = gain
    return {"multiplicity": weights, "gain": gain, "loss": loss, "square": square}
