"""Random laws at random points, counted: refusals, wrong branches, largest errors.

Half of the points of a law are real and in its bulks, down to 1e-14 of a bulk's width from the edges; the others are at
1e-12 to 1e2 of the law's width above the axis. Each value of the transform is compared with the admissible root of the
law's polynomial at 70 digits: the references of the tests, their roots found by python-flint
(``pip install python-flint``) instead of mpmath, a thousand times as fast. Only sample covariances of 50 and more atoms
are compared with what Newton's method makes of the value itself at 40 digits: their equation has one root in the upper
half plane, so that no other can be near it. Weights and ratios are binary fractions, so that both sides know the same
law. Exits 1 after a refusal or an error above 1e-9.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import mpmath as mp
import numpy as np
from flint import acb, acb_poly, arb, ctx, fmpz
from numpy.typing import NDArray
from rich.progress import track

from rmtcollapse import spectra
from rmtcollapse.errors import ConvergenceError

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "spectra"))
import conftest as exact

POINTS = 50
WRONG = 1e-9
Transform = Callable[[complex, complex], Any]  # the exact transform at z, given the value to judge
Drawn = tuple[str, spectra.Law, Transform]


def _ball(x: Any) -> arb:
    man, exponent = mp.mpf(abs(x)).man_exp
    return arb(fmpz(man)) * arb(2) ** exponent * (-1 if x < 0 else 1)


def flint_roots(polynomial: list[Any]) -> list[Any]:
    """Roots of a polynomial, lowest coefficient first, in place of the references' own."""
    coefficients = [mp.mpmathify(a) for a in polynomial]
    size = max(abs(a) for a in coefficients)
    while abs(coefficients[-1]) < size * mp.mpf(10) ** (10 - exact.DIGITS):
        coefficients.pop()
    balls = [acb(_ball(mp.re(a)), _ball(mp.im(a))) for a in coefficients]
    found = acb_poly(balls).roots(tol=arb(2) ** -260, maxprec=20_000)
    return [mp.mpc(*(mp.mpf(part.mid().str(90, radius=False)) for part in (root.real, root.imag))) for root in found]


class Draw:
    """Random laws of thirteen kinds."""

    def __init__(self, seed: int, number: int) -> None:
        self.rng = np.random.default_rng([seed, number])

    def law(self) -> Drawn:
        kinds = [name for name in dir(self) if name.startswith("kind_")]
        kind = kinds[self.rng.integers(len(kinds))]
        law, transform = getattr(self, kind)()
        return kind.removeprefix("kind_").replace("_", " "), law, transform

    def exponent(self, low: float, high: float) -> float:
        return float(np.float32(10 ** self.rng.uniform(low, high)))

    def ratio(self) -> float:
        special = [2**-20, 1e-3, 0.125, 0.5, 0.999, 1, 1.001, 2, 10, 1e3, 2**20]
        return float(self.rng.choice(special)) if self.rng.random() < 0.6 else self.exponent(-3, 3)

    def atoms(self, low: int, high: int, *, signed: bool = False) -> tuple[NDArray[Any], NDArray[Any]]:
        """Places over six decades or of one size, and weights, some of them tiny."""
        rng, k = self.rng, int(self.rng.integers(low, high + 1))
        places = 10 ** rng.uniform(-3, 3, k) if rng.random() < 0.5 else rng.uniform(0.1, 5, k)
        places = places * rng.choice([-1, 1], k) if signed else places
        shares = rng.dirichlet(np.full(k, rng.choice([0.3, 1.0, 5.0])))
        weights = rng.multinomial(2**30 - 2**10 * k, shares) + 2**10
        return places, weights / 2**30

    def kind_marchenko_pastur(self) -> tuple[spectra.Law, Transform]:
        c = self.ratio()
        return spectra.MarchenkoPastur(c), known(exact.covariance([1.0], [1.0], c))

    def kind_covariance(self) -> tuple[spectra.Law, Transform]:
        atoms, c = self.atoms(1, 7), self.ratio()
        return spectra.SampleCovariance(spectra.Atoms(*atoms), c), known(exact.covariance(*atoms, c))

    def kind_covariance_of_hundreds(self) -> tuple[spectra.Law, Transform]:
        atoms, c = self.atoms(50, 300), self.ratio()
        return spectra.SampleCovariance(spectra.Atoms(*atoms), c), polished(*atoms, c)

    def kind_covariance_of_a_shifted_law(self) -> tuple[spectra.Law, Transform]:
        a, shift, c = self.exponent(-2, 0), self.exponent(-1, 1), self.exponent(-2, 1)
        law = spectra.SampleCovariance(spectra.MarchenkoPastur(a) + shift, c)
        return law, known(exact.covariance_of_shifted(a, shift, c))

    def kind_semicircle(self) -> tuple[spectra.Law, Transform]:
        v = self.exponent(-2, 2)
        return spectra.Semicircle(v), known(exact.plus_r([0.0], [1.0], variance=v))

    def kind_fuss_catalan(self) -> tuple[spectra.Law, Transform]:
        order = int(self.rng.integers(1, 12))
        return spectra.FussCatalan(order), known(exact.fuss_catalan(order))

    def kind_atoms_and_semicircle(self) -> tuple[spectra.Law, Transform]:
        atoms, v = self.atoms(1, 7, signed=True), self.exponent(-3, 2)
        return spectra.Atoms(*atoms) + spectra.Semicircle(v), known(exact.plus_r(*atoms, variance=v))

    def kind_atoms_and_poisson(self) -> tuple[spectra.Law, Transform]:
        atoms, rate, jump = self.atoms(1, 7, signed=True), self.exponent(-2, 2), self.exponent(-2, 2)
        law = spectra.Atoms(*atoms) + spectra.FreePoisson(rate, jump)
        return law, known(exact.plus_r(*atoms, rate=rate, jump=jump))

    def kind_semicircle_and_poisson(self) -> tuple[spectra.Law, Transform]:
        v, rate, jump = self.exponent(-1, 1), self.exponent(-2, 2), self.exponent(-2, 2)
        law = spectra.Semicircle(v) + spectra.FreePoisson(rate, jump)
        return law, known(exact.plus_r([0.0], [1.0], variance=v, rate=rate, jump=jump))

    def kind_two_marchenko_pasturs(self) -> tuple[spectra.Law, Transform]:
        a, b = self.exponent(-2, 1), self.exponent(-2, 1)
        law = spectra.MarchenkoPastur(a) @ spectra.MarchenkoPastur(b)
        return law, known(exact.two_marchenko_pasturs(a, b))

    def kind_sum_of_atoms(self) -> tuple[spectra.Law, Transform]:
        a, b = self.atoms(2, 3, signed=True), self.atoms(2, 3, signed=True)
        return spectra.Atoms(*a) + spectra.Atoms(*b), known(exact.sum_of(a, b))

    def kind_product_of_atoms(self) -> tuple[spectra.Law, Transform]:
        a, b = self.atoms(2, 3), self.atoms(2, 3)
        return spectra.Atoms(*a) @ spectra.Atoms(*b), known(exact.product_of(a, b))

    def kind_power(self) -> tuple[spectra.Law, Transform]:
        atoms, k = self.atoms(2, 4, signed=True), 1 + self.exponent(-2, 1)
        return spectra.FreeAdditivePower(spectra.Atoms(*atoms), k), known(exact.power_of(*atoms, k))


def known(reference: exact.Reference) -> Transform:
    return lambda z, value: reference.transform(z)


def polished(places: NDArray[Any], weights: NDArray[Any], ratio: float) -> Transform:
    """Of a sample covariance: z = w (1 - c + c w g(w)), by Newton's method from w = z/(1 - c - c z m)."""
    pairs = [(mp.mpf(h), mp.mpf(t)) for h, t in zip(weights, places, strict=True)]

    def transform(z: complex, value: complex) -> Any:
        with mp.workdps(40):
            c, point = mp.mpf(ratio), mp.mpmathify(z)
            w = point / (1 - c - c * point * mp.mpmathify(value))
            for _ in range(4):
                shares = [(h, 1 / (w - t)) for h, t in pairs]
                g, slope = mp.fsum(h * r for h, r in shares), -mp.fsum(h * r * r for h, r in shares)
                w -= (w * (1 - c + c * w * g) - point) / (1 - c + 2 * c * w * g + c * w * w * slope)
            if mp.im(w) < -(mp.mpf(10) ** -30) * abs(w):
                return mp.nan
            return -w * mp.fsum(h / (w - t) for h, t in pairs) / point

    return transform


def points(law: spectra.Law, rng: np.random.Generator) -> NDArray[np.complex128]:
    """Real ones in bulks, towards both ends; complex ones over bulks and around the law."""
    bulks = np.array(law.support())
    places = [*bulks.ravel(), *(place for place, _ in law.atoms())]
    low, width = min(places), max(places) - min(places)
    ends = bulks[rng.integers(len(bulks), size=POINTS)]
    near = 10 ** rng.uniform(-14, 0, POINTS)
    share = rng.choice([rng.random(POINTS), near / 2], axis=0)
    left = ends[:, 0] + np.diff(ends)[:, 0] * share
    right = ends[:, 1] - np.diff(ends)[:, 0] * share
    x = np.where(rng.random(POINTS) < 0.5, left, right)
    x = np.clip(x, np.nextafter(ends[:, 0], np.inf), np.nextafter(ends[:, 1], -np.inf))
    around = np.where(rng.random(POINTS) < 0.3, low + width * rng.uniform(-1, 2, POINTS), x)
    above = around + 1j * width * 10 ** rng.uniform(-12, 2, POINTS)
    return np.where(rng.random(POINTS) < 0.5, x, above)


def judge(drawn: Drawn, z: NDArray[np.complex128]) -> tuple[int, list[float], list[float]]:
    """Refusals, and the relative errors of transforms and of their imaginary parts."""
    _, law, transform = drawn
    refused, errors, heights = 0, [], []
    for point, value in zip(z, values(law, z), strict=True):
        if value is None:
            refused += 1
            continue
        true = transform(complex(point), value)
        errors.append(float(abs(mp.mpmathify(value) / true - 1)))
        heights.append(float(abs(mp.mpf(value.imag) / mp.im(true) - 1)))
    return refused, errors, heights


def values(law: spectra.Law, z: NDArray[np.complex128]) -> list[complex | None]:
    try:
        return [complex(m) for m in law.stieltjes(z, side="above")]
    except ConvergenceError:
        return [value(law, point) for point in z]


def value(law: spectra.Law, point: complex) -> complex | None:
    try:
        return complex(law.stieltjes(point, side="above"))
    except ConvergenceError:
        return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--laws", type=int, default=2000, help="of 50 points each")
    parser.add_argument("--first", type=int, default=0, help="number of the first law")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    ctx.prec = 400
    exact._roots = flint_roots
    counts: Counter[str] = Counter()
    rows: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0, 0.0, 0.0])
    start = perf_counter()
    for number in track(range(options.first, options.first + options.laws), "laws"):
        draw = Draw(options.seed, number)
        drawn = draw.law()
        refused, errors, heights = judge(drawn, points(drawn[1], draw.rng))
        row = rows[drawn[0]]
        wrong = sum(not error <= WRONG for error in errors)
        row[:3] = row[0] + POINTS, row[1] + refused, row[2] + wrong
        row[3:] = max(row[3], *errors), max(row[4], *heights)
        if refused or wrong:
            print(f"law {number}: {drawn[1]!r}: {refused} refused, {wrong} wrong (largest error {max(errors):.1e})")
        counts.update(pairs=POINTS, refused=refused, wrong=wrong)
    print(f"{'kind':<34} {'pairs':>7} {'refused':>8} {'wrong':>6} {'error of m':>11} {'of Im m':>9}")
    for kind, row in sorted(rows.items()):
        print(f"{kind:<34} {row[0]:7d} {row[1]:8d} {row[2]:6d} {row[3]:11.1e} {row[4]:9.1e}")
    print(f"{counts['pairs']} pairs, {counts['refused']} refused, {counts['wrong']} wrong: ", end="")
    print(f"{perf_counter() - start:.0f} s")
    return 1 if counts["refused"] or counts["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
