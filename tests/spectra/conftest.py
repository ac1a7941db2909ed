"""References in mpmath for limiting laws: polynomials in one parameter, from the relations of free probability."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from numpy.typing import NDArray

from rmtcollapse.spectra.law import Law

DIGITS = 70
ABOVE = mp.mpf(10) ** -35  # the height at which a real argument stands, relative to its size
Polynomial = list[Any]  # coefficients, lowest first


def _plus(a: Polynomial, b: Polynomial) -> Polynomial:
    return [
        (a[i] if i < len(a) else mp.mpf(0)) + (b[i] if i < len(b) else mp.mpf(0)) for i in range(max(len(a), len(b)))
    ]


def _times(a: Polynomial, b: Polynomial) -> Polynomial:
    result = [mp.mpf(0)] * (len(a) + len(b) - 1)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            result[i + j] += x * y
    return result


def _scaled(a: Polynomial, factor: Any) -> Polynomial:
    return [factor * x for x in a]


def _power(a: Polynomial, k: int) -> Polynomial:
    result: Polynomial = [mp.mpf(1)]
    for _ in range(k):
        result = _times(result, a)
    return result


def _value(a: Polynomial, u: Any) -> Any:
    return mp.polyval(a[::-1], u)


def _cauchy(values: Sequence[float], weights: Sequence[float]) -> tuple[Polynomial, Polynomial]:
    """Numerator and denominator of -m, the sum of h/(u - x)."""
    numerator: Polynomial = [mp.mpf(0)]
    for i, weight in enumerate(weights):
        term: Polynomial = [mp.mpf(weight)]
        for j, value in enumerate(values):
            if j != i:
                term = _times(term, [-mp.mpf(value), mp.mpf(1)])
        numerator = _plus(numerator, term)
    denominator: Polynomial = [mp.mpf(1)]
    for value in values:
        denominator = _times(denominator, [-mp.mpf(value), mp.mpf(1)])
    return numerator, denominator


def _roots(polynomial: Polynomial) -> list[Any]:
    coefficients = polynomial[::-1]
    size = max(abs(a) for a in coefficients)
    while abs(coefficients[0]) < size * mp.mpf(10) ** (-DIGITS + 10):
        coefficients = coefficients[1:]
    return list(mp.polyroots(coefficients, maxsteps=2000, extraprec=300))


def _only(found: list[Any]) -> Any:
    assert len(found) == 1, f"the reference has {len(found)} roots in the upper half plane"
    return found[0]


@dataclass(frozen=True)
class Reference:
    """The transform of a law, from a function of z at seventy digits."""

    solve: Callable[[Any], Any]

    def transform(self, z: complex) -> Any:
        """m(z), the limit from above for a real z."""
        with mp.workdps(DIGITS):
            point = mp.mpmathify(z)
            if mp.im(point) == 0:
                point = mp.mpc(mp.re(point), ABOVE * (abs(point) + ABOVE))
            return self.solve(point)

    def density(self, x: float) -> Any:
        """Density of the continuous part at a real x."""
        with mp.workdps(DIGITS):
            return mp.im(self.transform(x)) / mp.pi


def covariance(values: Sequence[float], weights: Sequence[float], ratio: float) -> Reference:
    """Atoms @ Marchenko-Pastur: z = w (1 - c + c w g(w)), g = -m of the atoms at w; m = -w g/z."""

    def solve(z: Any) -> Any:
        top, bottom = _cauchy(values, weights)
        c = mp.mpf(ratio)
        left = _times([mp.mpf(0), mp.mpf(1)], _plus(_scaled(bottom, 1 - c), _scaled([mp.mpf(0), *top], c)))
        w = _only([r for r in _roots(_plus(left, _scaled(bottom, -z))) if mp.im(r) > 0])
        return -w * _value(top, w) / _value(bottom, w) / z

    return Reference(solve)


def plus_r(
    values: Sequence[float], weights: Sequence[float], *, variance: float = 0, rate: float = 0, jump: float = 1
) -> Reference:
    """Atoms + semicircle + free Poisson: z = u + variance g + rate jump/(1 - jump g)."""

    def solve(z: Any) -> Any:
        top, bottom = _cauchy(values, weights)
        s, r, a = mp.mpf(variance), mp.mpf(rate), mp.mpf(jump)
        # times bottom and bottom - jump * top
        rest = _plus(bottom, _scaled(top, -a))
        moved = _plus(_times([-z, mp.mpf(1)], bottom), _scaled(top, s))
        whole = _plus(_times(moved, rest), _scaled(_times(bottom, bottom), r * a)) if r else moved
        if not s:  # the atoms would be roots
            whole = _plus(_times([-z, mp.mpf(1)], rest), _scaled(bottom, r * a))
        found = [u for u in _roots(whole) if mp.im(u) > 0]
        found = [u for u in found if not r or mp.im(u + s * _value(top, u) / _value(bottom, u)) > -(mp.mpf(10) ** -45)]
        u = _only(found)
        return -_value(top, u) / _value(bottom, u)

    return Reference(solve)


def _vanishes(a: Polynomial, u: Any) -> bool:
    return bool(abs(_value(a, u)) < mp.mpf(10) ** -25 * sum(abs(x * u**i) for i, x in enumerate(a)))


def _meeting(a: tuple[Polynomial, Polynomial], b: tuple[Polynomial, Polynomial], v: Polynomial) -> Polynomial:
    """The polynomial of b(v / a_0) = a(u), for fractions a and b (the degree of b_0 below that of b_1)."""
    order = len(b[1]) - 1
    top: Polynomial = [mp.mpf(0)]
    bottom: Polynomial = [mp.mpf(0)]
    for i in range(order + 1):
        bottom = _plus(bottom, _scaled(_times(_power(v, i), _power(a[0], order - i)), b[1][i]))
        if i < order and i < len(b[0]):
            top = _plus(top, _scaled(_times(_power(v, i), _power(a[0], order - 1 - i)), b[0][i]))
    return _plus(bottom, _scaled(_times(a[1], top), -1))


def sum_of(
    first: tuple[Sequence[float], Sequence[float]], second: tuple[Sequence[float], Sequence[float]]
) -> Reference:
    """Atoms + atoms: g(u) = g(v) where u + v = z + 1/g."""

    def solve(z: Any) -> Any:
        a, b = _cauchy(*first), _cauchy(*second)
        v = _plus(_times([z, mp.mpf(-1)], a[0]), a[1])
        found = []
        for u in _roots(_meeting(a, b, v)):
            if _vanishes(a[0], u):  # a root that the common denominator brought in
                continue
            if mp.im(u) > 0 and mp.im(z - u + _value(a[1], u) / _value(a[0], u)) > 0:
                found.append(u)
        u = _only(found)
        return -_value(a[0], u) / _value(a[1], u)

    return Reference(solve)


def product_of(
    first: tuple[Sequence[float], Sequence[float]], second: tuple[Sequence[float], Sequence[float]]
) -> Reference:
    """Nonnegative atoms @ atoms: psi = u g - 1 agrees at u and v = z g(u)/psi(u), of arguments at least that of z."""

    def solve(z: Any) -> Any:
        pairs = [_cauchy(*first), _cauchy(*second)]
        a, b = ((_plus([mp.mpf(0), *top], _scaled(bottom, -1))[:-1], bottom) for top, bottom in pairs)
        found = []
        for u in _roots(_meeting(a, b, _scaled(pairs[0][0], z))):
            if _vanishes(a[0], u):
                continue
            v = z * _value(pairs[0][0], u) / _value(a[0], u)
            if all(mp.im(x) > 0 and mp.arg(x) >= mp.arg(z) * (1 - mp.mpf(10) ** -45) for x in (u, v)):
                found.append(u)
        u = _only(found)
        return -(1 + _value(a[0], u) / _value(a[1], u)) / z

    return Reference(solve)


def power_of(values: Sequence[float], weights: Sequence[float], k: float) -> Reference:
    """k-fold free sum of atoms: z = k u - (k - 1)/g."""

    def solve(z: Any) -> Any:
        top, bottom = _cauchy(values, weights)
        whole = _plus(
            _times([-z, mp.mpf(k)], top),
            _scaled(bottom, 1 - mp.mpf(k)),
        )
        u = _only([u for u in _roots(whole) if mp.im(u) > 0])
        return -_value(top, u) / _value(bottom, u)

    return Reference(solve)


def marchenko_pastur(ratio: float) -> Reference:
    """Closed form."""

    def solve(z: Any) -> Any:
        c = mp.mpf(ratio)
        a, b = (1 - mp.sqrt(c)) ** 2, (1 + mp.sqrt(c)) ** 2
        return (1 - c - z + mp.sqrt(z - a) * mp.sqrt(z - b)) / (2 * c * z)

    return Reference(solve)


def fuss_catalan(order: int) -> Reference:
    """z (s - 1) = s^(order + 1) for s = -z m, whose argument is between -pi/(order + 1) and 0."""

    def solve(z: Any) -> Any:
        found = _roots([-z, z, *[mp.mpf(0)] * (order - 1), mp.mpf(-1)])
        return -_only([s for s in found if -mp.pi / (order + 1) < mp.arg(s) < 0]) / z

    return Reference(solve)


def two_marchenko_pasturs(first: float, second: float) -> Reference:
    """Marchenko-Pastur @ Marchenko-Pastur: z = (1 + p)(1 + a p)(1 + b p)/p for p = -z m - 1."""

    def solve(z: Any) -> Any:
        a, b = mp.mpf(first), mp.mpf(second)
        whole = _times(_times([mp.mpf(1), mp.mpf(1)], [mp.mpf(1), a]), [mp.mpf(1), b])

        def turned(p: Any) -> bool:  # the subordinate z have no smaller arguments, and no turn between them
            angle = mp.arg(z) - mp.arg(1 + a * p) - mp.arg(1 + b * p)
            return bool(mp.im(p) < 0 and abs(angle - mp.arg(1 + 1 / p)) < mp.mpf(10) ** -20)

        return -(1 + _only([p for p in _roots(_plus(whole, [mp.mpf(0), -z])) if turned(p)])) / z

    return Reference(solve)


def covariance_of_shifted(inner: float, shift: float, ratio: float) -> Reference:
    """(Marchenko-Pastur + shift) @ Marchenko-Pastur: w = u + u/(u - a) + shift, z = w (1 - c + c w/u)."""

    def solve(z: Any) -> Any:
        a, s, c = mp.mpf(inner), mp.mpf(shift), mp.mpf(ratio)
        under: Polynomial = [-a, mp.mpf(1)]
        w = _plus(_times([s, mp.mpf(1)], under), [mp.mpf(0), mp.mpf(1)])  # times u - a
        whole = _times(w, _plus(_times([mp.mpf(0), 1 - c], under), _scaled(w, c)))
        found = _roots(_plus(whole, _times([mp.mpf(0), -z], _times(under, under))))
        u = _only([u for u in found if mp.im(u) > 0 and mp.im(_value(w, u) / _value(under, u)) > 0])
        return -_value(w, u) / _value(under, u) / u / z

    return Reference(solve)


def fuss_catalan_point(order: int, angle: Any) -> tuple[Any, Any]:
    """Place and density of the Fuss-Catalan law at an angle in (0, pi/(order + 1))."""
    sine = mp.sin
    f = mp.mpf(angle)
    place = sine((order + 1) * f) ** (order + 1) / (sine(f) * sine(order * f) ** order)
    return place, sine(f) ** 2 * sine(order * f) ** (order - 1) / (mp.pi * sine((order + 1) * f) ** order)


def grid(law: Law, inside: int = 7) -> NDArray[np.float64]:
    """Points of every bulk: in the middle, and at relative distances 0.1 ... 1e-15 from both edges."""
    found = []
    for left, right in law.support():
        width = right - left
        near = width * 10.0 ** -np.array([1, 2, 3, 5, 7, 9, 11, 12, 13, 14, 15])
        middle = (left + right) / 2 - width / 2 * np.cos(np.pi * (np.arange(inside) + 0.5) / inside)
        found.append(np.concatenate([middle, left + near, right - near]))
        # an edge is rounded: next to it x may be outside
        keep = (found[-1] > left + 4 * np.spacing(abs(left))) & (found[-1] < right - 4 * np.spacing(abs(right)))
        found[-1] = np.unique(found[-1][keep])
    return np.concatenate(found)


def relative_errors(values: Any, exact: Sequence[Any]) -> NDArray[np.float64]:
    """|value/exact - 1|, taken in mpmath."""
    with mp.workdps(40):
        pairs = zip(np.asarray(values).tolist(), exact, strict=True)
        return np.array([float(abs(mp.mpmathify(value) / true - 1)) for value, true in pairs])


@pytest.fixture(scope="session")
def exact() -> SimpleNamespace:
    """What this file defines, for the tests of laws."""
    names = (Reference, covariance, plus_r, sum_of, product_of, power_of, marchenko_pastur, fuss_catalan_point)
    names += (fuss_catalan, two_marchenko_pasturs, covariance_of_shifted)
    return SimpleNamespace(**{f.__name__: f for f in (*names, grid, relative_errors)})
