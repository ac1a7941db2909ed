"""Densities against mpmath at 40 digits or more: closed forms and polynomial roots that share nothing with the package.

Each interval of the support gets a Chebyshev grid, 1,000 points a law together, and points at relative distances 1e-1
to 1e-15 from both of its edges. Prints the largest relative error, its 99 % quantile and its median. Exits 1 if an
error exceeds 1e-9, or 1e-12 at more than one point in a hundred, or if a density outside the support is not exactly 0.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np

from rmtcollapse.spectra import Atoms, FussCatalan, Law, MarchenkoPastur, SampleCovariance, Semicircle

mp.mp.dps = 50


def marchenko_pastur(ratio: float) -> Callable[[Any], Any]:
    c = mp.mpf(ratio)
    left, right = (1 - mp.sqrt(c)) ** 2, (1 + mp.sqrt(c)) ** 2
    return lambda x: mp.sqrt((right - x) * (x - left)) / (2 * mp.pi * c * x)


def root(coefficients: list[Any]) -> Any:
    """The root in the upper half plane."""
    return max(mp.polyroots(coefficients, maxsteps=500, extraprec=400), key=mp.im)


def two_atoms(ratio: float) -> Callable[[Any], Any]:
    """Atoms 1 and 8: x (1-w)(8-w) = w ((1-w)(8-w) - c (4 (1-w) + (8-w)/2))."""
    c = mp.mpf(ratio)

    def density(x: Any) -> Any:
        w = root([1, -9 + c * mp.mpf(9) / 2 - x, 8 - 8 * c + 9 * x, -8 * x])
        return mp.im(w) / (mp.pi * c * abs(w) ** 2)

    return density


def semicircle_and_poisson(ratio: float) -> Callable[[Any], Any]:
    """x = -1/m - m + 1/(1 + c m)."""
    c = mp.mpf(ratio)
    return lambda x: mp.im(root([c, 1 + x * c, x + c - 1, 1])) / mp.pi


def signs_and_semicircle(variance: float) -> Callable[[Any], Any]:
    """u^3 - x u^2 + (v - 1) u + x = 0 and m = -u/(u^2 - 1)."""
    v = mp.mpf(variance)

    def density(x: Any) -> Any:
        u = root([1, -x, v - 1, x])
        return mp.im(-u / (u * u - 1)) / mp.pi

    return density


def product_of_poissons(first: float, second: float) -> Callable[[Any], Any]:
    """x (1-w)^2 = w (1-w-c1)(1-w-c2) and m = (1/(1-w) - 1)/x."""
    a, b = 1 - mp.mpf(first), 1 - mp.mpf(second)

    def density(x: Any) -> Any:
        w = root([1, -(a + b) - x, a * b + 2 * x, -x])
        return mp.im((1 / (1 - w) - 1) / x) / mp.pi

    return density


def fuss_catalan(order: int) -> Callable[[Any], Any]:
    """x = sin^(L+1)((L+1)f) / (sin f sin^L(Lf)) (Biane; Haagerup and Moller)."""
    n = order

    def density(x: Any) -> Any:
        def miss(f: Any) -> Any:
            return (n + 1) * mp.log(mp.sin((n + 1) * f)) - mp.log(mp.sin(f)) - n * mp.log(mp.sin(n * f)) - mp.log(x)

        ends = mp.mpf("1e-25"), mp.pi / (n + 1) - mp.mpf("1e-25")
        f = mp.findroot(miss, ends, solver="anderson", tol=mp.mpf("1e-70"), maxsteps=1000)
        return mp.sin(f) ** 2 * mp.sin(n * f) ** (n - 1) / (mp.pi * mp.sin((n + 1) * f) ** n)

    return density


class ManyAtoms:
    """Silverstein's equation in mpmath over all atoms, by Newton's method from the point before."""

    def __init__(self, atoms: np.ndarray, ratio: float, law: SampleCovariance) -> None:
        self.t, self.h = [mp.mpf(float(t)) for t in atoms], mp.mpf(1) / atoms.size
        self.c, self.law = mp.mpf(ratio), law

    def __call__(self, x: Any) -> Any:
        w = mp.mpc(complex(self.law._solve(np.array([complex(x)])).u[0, 0]))
        for _ in range(60):
            terms = [t / (t - w) for t in self.t]
            z = w * (1 - self.c * self.h * mp.fsum(terms))
            step = (x - z) / (1 - self.c * self.h * mp.fsum(term * term for term in terms))
            w += step
            if abs(step) < mp.mpf("1e-40") * mp.im(w):
                break
        assert mp.im(w) > 0
        return mp.im(w) / (mp.pi * self.c * abs(w) ** 2)


def cases() -> dict[str, tuple[Law, Callable[[Any], Any]]]:
    signs, pair = Atoms([-1.0, 1.0]), Atoms([1.0, 8.0])
    power = np.arange(1, 1001.0) ** -1.5
    many = SampleCovariance(Atoms(power), 0.5)
    return {
        "Marchenko-Pastur 0.5": (MarchenkoPastur(0.5), marchenko_pastur(0.5)),
        "Marchenko-Pastur 1": (MarchenkoPastur(1), marchenko_pastur(1)),
        "Marchenko-Pastur 2": (MarchenkoPastur(2), marchenko_pastur(2)),
        "Marchenko-Pastur 1e-6": (MarchenkoPastur(1e-6), marchenko_pastur(1e-6)),
        "Marchenko-Pastur 1e6": (MarchenkoPastur(1e6), marchenko_pastur(1e6)),
        "atoms 1, 8 at 0.1": (SampleCovariance(pair, 0.1), two_atoms(0.1)),
        "atoms 1, 8 at 2": (SampleCovariance(pair, 2.0), two_atoms(2.0)),
        "semicircle + Marchenko-Pastur 0.5": (Semicircle() + MarchenkoPastur(0.5), semicircle_and_poisson(0.5)),
        "+-1 + semicircle": (signs + Semicircle(), signs_and_semicircle(1.0)),
        "+-1 + semicircle 0.5": (signs + Semicircle(0.5), signs_and_semicircle(0.5)),
        "+-1 + +-1, arcsine": (signs + signs, lambda x: 1 / (mp.pi * mp.sqrt((2 - x) * (2 + x)))),
        "MP 0.5 @ MP 0.25": (MarchenkoPastur(0.5) @ MarchenkoPastur(0.25), product_of_poissons(0.5, 0.25)),
        "Fuss-Catalan 3": (FussCatalan(3), fuss_catalan(3)),
        "Fuss-Catalan 50": (FussCatalan(50), fuss_catalan(50)),
        "k^-1.5, 1,000 atoms at 0.5": (many, ManyAtoms(power, 0.5, many)),
    }


def grid(law: Law, points: int) -> np.ndarray:
    support = law.support()
    each = max(2, points // len(support))
    share = (1 - np.cos(np.pi * (np.arange(each) + 0.5) / each)) / 2
    near = 10.0 ** -np.arange(1, 16)
    parts = [left + (right - left) * np.concatenate([share, near, 1 - near]) for left, right in support]
    x = np.concatenate(parts)
    inside = np.zeros(x.shape, bool)
    for left, right in support:
        inside |= (x > left) & (x < right)
    return x[inside]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=1000)
    points = parser.parse_args().points
    failed = False
    for name, (law, reference) in cases().items():
        x = grid(law, points)
        values = law.density(x)
        with np.errstate(divide="ignore"):
            exact = [reference(mp.mpf(float(value))) for value in x]
        pairs = zip(values, exact, strict=True)
        errors = np.array([float(abs(mp.mpf(float(a)) / b - 1)) if b else abs(float(a)) for a, b in pairs])
        ends = np.array(law.support())
        outside = np.concatenate([ends[:, 0] - 1e-9 * np.abs(ends[:, 0]) - 1e-12, [ends[-1, 1] * (1 + 1e-9) + 1e-12]])
        zero = not np.any(law.density(outside[[0, -1]]))
        failed |= errors.max() > 1e-9 or np.quantile(errors, 0.99) > 1e-12 or not zero
        print(f"{name:>34} {len(law.support()):3} bulks {x.size:5} points:", end=" ")
        print(f"largest {errors.max():.1e}, 99 % {np.quantile(errors, 0.99):.1e}, median {np.median(errors):.1e}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
