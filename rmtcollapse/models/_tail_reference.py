r"""The sums over tokens in mpmath, from the SymPy equations, by another way than the values in double precision.

The formula of Abel and Plana makes a sum of an analytic function an integral and two rapid ones across it,

.. math:: \sum_{i=a}^bf(i)=\int_a^bf\,\mathrm di+\frac{f(a)+f(b)}2
          -2\int_0^\infty\frac{\operatorname{Im}f(a+\mathrm iy)-\operatorname{Im}f(b+\mathrm iy)}{e^{2\pi y}-1}\,
          \mathrm dy ;

frequent tokens are added up one by one before it, and tokens so rare that one draw of them is all are zeta functions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import mpmath as mp
import sympy as sp

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.models._tail_equations import tail_equations

if TYPE_CHECKING:
    from rmtcollapse.models.heavy_tail import HeavyTail

__all__ = ["reference_values"]

_RARE = mp.mpf(1) / 2000  # expected draws of a token from which a series takes over
_PLAIN = 500  # tokens that are added up one by one


def reference_values(model: HeavyTail, kind: str, digits: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Values and unknowns of a model to so many digits.

    Raises
    ------
    ConvergenceError
        If the quadrature does not reach them.
    """
    with mp.workdps(digits + 20):
        return _Reference(model, kind, digits).values()


class _Reference:
    """One model's sums at the working precision."""

    def __init__(self, model: HeavyTail, kind: str, digits: int) -> None:
        self.model, self.kind, self.digits = model, kind, digits
        self.equations = tail_equations()
        self.beta = mp.mpf(model.exponent)
        self.other = mp.mpf(model.narrowed_exponent or model.exponent)
        self.cut = model.tail_cut
        self.share = mp.mpf(model.real_fraction)
        self.scale = 1 / mp.zeta(self.beta)
        self.made = 1 / (mp.zeta(self.other) - (_hurwitz(self.other, self.cut + 1) if self.cut is not None else 0))
        self.tau = self._effective_samples()
        self.known: dict[Any, tuple[Any, Any]] = {}
        rough = model.theory() if kind != "poisson" else model.poissonised()
        self.units = [mp.mpf(rough[n]) or mp.mpf(1) for n in ("test_error", "learned_tokens")]

    def values(self) -> tuple[dict[str, Any], dict[str, Any]]:
        parts = [self._sums(1, self.cut, True)]
        if self.cut is not None:
            self.known = {}
            parts.append(self._sums(self.cut + 1, None, False))
        mass, distinct = (mp.fsum(column) for column in zip(*parts, strict=True))
        named = {"test_error": mass, "learned_tokens": distinct, "asymptotic_test_error": self._scaling_law()}
        return named, {"scale": self.scale, "synthetic_scale": self.made, "effective_samples": self.tau}

    # ---- the stated expressions ------------------------------------------------------------------------------------

    def _given(self) -> dict[str, Any]:
        model = self.model
        cut = mp.inf if self.cut is None else mp.mpf(self.cut)
        return {
            "exponent": self.beta, "samples": mp.mpf(model.samples), "tail_cut": cut, "narrowed_exponent": self.other,
            "real_fraction": self.share, "generations": mp.mpf(model.generations),
            "generator_samples": mp.mpf(model.parameters()["generator_samples"] or model.samples),
            "scale": self.scale, "synthetic_scale": self.made, "effective_samples": self.tau,
        }  # fmt: skip

    @cached_property
    def _chance(self) -> Callable[[Any, Any], Any]:
        """U from p and r for draws without a chain."""
        left, right = (self.equations.token[n][0] for n in ("real", "synthetic"))
        p, r = sp.Symbol("p_i"), sp.Symbol("r_i")
        expr = self.equations.token[self.kind][1].subs({left: p, right: r})
        given = self._given()
        names = [s for s in expr.free_symbols if s not in (p, r)]
        function = sp.lambdify([p, r, *names], expr, "mpmath")
        fixed = [given[s.name] for s in names]
        return lambda a, b: function(a, b, *fixed)

    def _effective_samples(self) -> Any:
        size, t = mp.mpf(self.model.generator_samples or self.model.samples), (1 - self.share) * self.model.samples
        for _ in range(self.model.generations):
            t = -size * mp.expm1(-t / size)
        return t

    def _scaling_law(self) -> Any:
        expr = next(e for s, e in self.equations.outputs.items() if s.name == "asymptotic_test_error")
        given = self._given()
        values = {s: given[s.name] for s in expr.free_symbols}
        if self.share == 0:  # the law of real draws alone is then infinite
            expr = next(a for a in expr.args if a.has(sp.Piecewise))
        if self.cut is None:
            expr = expr.subs({s: sp.oo for s in expr.free_symbols if s.name == "tail_cut"})
        if self.share == 1:
            expr = next(a for a in expr.args if not a.has(sp.Piecewise))
        # The condition is decided here: SymPy would compare symbols.
        same = self.other == self.beta
        expr = expr.replace(lambda e: isinstance(e, sp.Piecewise), lambda e: e.args[0 if same else 1][0])
        names = sorted(expr.free_symbols, key=str)
        return sp.lambdify(names, expr, [{"Min": min}, "mpmath"])(*(values[s] for s in names))

    # ---- resampling ------------------------------------------------------------------------------------------------

    @cached_property
    def _resampled(self) -> Any:
        """Chances of the counts in the last data set given those in the first; or, without real draws, h itself."""
        size = self.model.generator_samples or self.model.samples
        rows = [_binomial_row(size, mp.mpf(x) / size) for x in range(size + 1)]
        if self.share == 0:
            h = [(1 - mp.mpf(x) / size) ** self.model.samples for x in range(size + 1)]
            for _ in range(self.model.generations - 1):
                h = [mp.fdot(row, h) for row in rows]
            return h
        matrix, steps = mp.eye(size + 1), mp.matrix(rows)
        for _ in range(self.model.generations - 1):
            matrix = matrix * steps
        return matrix

    def _chain_chance(self, p: Any, r: Any) -> Any:
        size = self.model.generator_samples or self.model.samples
        first = _binomial_row(size, r)
        if self.share == 0:
            return mp.fdot(first, self._resampled)
        after = [(1 - self.share * p - (1 - self.share) * x / size) ** self.model.samples for x in range(size + 1)]
        return mp.fdot(first, self._resampled * mp.matrix(after))

    def _rates(self) -> tuple[Any, Any]:
        """Draws from p, and at most those from r."""
        real = self.share * self.model.samples
        if self.kind == "chain":
            return real, mp.mpf(self.model.generator_samples or self.model.samples)
        return real, self.tau if self.kind == "poisson" else (1 - self.share) * self.model.samples

    def _coefficients(self, terms: int, synthetic: bool) -> dict[tuple[int, int], Any]:
        """The power series of U in p and r, to fewer than so many factors."""
        real, made = self._rates()
        samples, share = self.model.samples, self.share
        pairs = [(j, m) for j in range(terms) for m in range(terms - j if synthetic else 1)]
        if self.kind == "poisson":
            found = {(j, m): (-real) ** j * (-made) ** m / mp.factorial(j) / mp.factorial(m) for j, m in pairs}
        elif self.kind == "independent" or not synthetic:
            found = {
                (j, m): mp.binomial(samples, j + m) * mp.binomial(j + m, j) * (-share) ** j * (share - 1) ** m
                for j, m in pairs
            }
        else:
            found = {}
            for j in range(terms if share > 0 else 1):
                outer = mp.binomial(samples, j) * (-share) ** j
                for m, difference in enumerate(self._differences(max(samples - j, 0), terms - j)):
                    found[j, m] = outer * mp.binomial(int(made), m) * difference
        return {pair: c for pair, c in found.items() if c != 0}

    def _differences(self, samples: int, terms: int) -> list[Any]:
        """Forward differences, at a count of 0 in the first data set, of the chance not to be seen in so many draws."""
        size = self.model.generator_samples or self.model.samples
        h = self._resampled
        if self.share > 0:
            h = h * mp.matrix([(1 - (1 - self.share) * mp.mpf(x) / size) ** samples for x in range(size + 1)])
        row = [h[x] for x in range(min(terms, size + 1))]
        found = []
        while row:
            found.append(row[0])
            row = [b - a for a, b in pairwise(row)]
        return found

    # ---- sums ------------------------------------------------------------------------------------------------------

    def _both(self, i: Any, synthetic: bool) -> tuple[Any, Any]:
        """p U and 1 - U at a real or complex rank."""
        if i not in self.known:
            p = self.scale * i**-self.beta
            r = self.made * i**-self.other if synthetic else mp.mpf(0)
            chance = self._chain_chance(p, r) if self.kind == "chain" and synthetic else self._plain(p, r)
            self.known[i] = p * chance, 1 - chance
        return self.known[i]

    def _plain(self, p: Any, r: Any) -> Any:
        if self.kind == "chain":  # beyond the cut
            return (1 - self.share * p) ** self.model.samples
        return self._chance(p, r)

    def _sums(self, first: int, last: int | None, synthetic: bool) -> list[Any]:
        """Both sums over first, ..., last."""
        real, made = self._rates()
        laws = [(self.beta, real * self.scale), *([(self.other, made * self.made)] if synthetic else [])]
        start = max(first, 40 + max(int((2 * s * c) ** (1 / (1 + s))) for s, c in laws))
        rare = max(start, *(int((c / _RARE) ** (1 / s)) for s, c in laws))
        end = rare if last is None else min(rare, last)
        plain = start - 1 if end > start + _PLAIN else end
        found = [mp.fsum(self._both(mp.mpf(i), synthetic)[n] for i in range(first, plain + 1)) for n in (0, 1)]
        if end > plain:
            found = [f + self._abel_plana(plain + 1, end, n, synthetic) for n, f in enumerate(found)]
        if last is None or end < last:
            found = [f + t for f, t in zip(found, self._rare(end + 1, last, synthetic), strict=True)]
        return found

    def _abel_plana(self, first: int, last: int, which: int, synthetic: bool) -> Any:
        unit = self.units[which]  # quadrature takes values to be of order one

        def f(i: Any) -> Any:
            return self._both(i, synthetic)[which] / unit

        logs = mp.linspace(mp.log(first), mp.log(last), max(2, int(mp.log(mp.mpf(last) / first)) + 1))
        inner = self._integral(lambda t: f(mp.exp(t)) * mp.exp(t), logs)
        heights = [0, 1, 2, 4, 8, *range(16, 2 * mp.mp.dps, 16)]

        def across(place: int) -> Any:
            return self._integral(lambda y: mp.im(f(mp.mpc(place, y))) / mp.expm1(2 * mp.pi * y) if y else 0, heights)

        return unit * (inner + (f(mp.mpf(first)) + f(mp.mpf(last))) / 2 - 2 * (across(first) - across(last)))

    def _integral(self, f: Callable[[Any], Any], places: Any) -> Any:
        value, error = mp.quad(f, places, error=True)
        if error > mp.mpf(10) ** -(self.digits + 2):
            raise ConvergenceError(
                f"heavy tail: the reference is known to {mp.nstr(error, 2)} only; ask for fewer digits"
            )
        return value

    def _rare(self, first: int, last: int | None, synthetic: bool) -> list[Any]:
        """Both sums over tokens that are hardly drawn at all."""

        def power(s: Any) -> Any:
            return _hurwitz(s, first) - (_hurwitz(s, last + 1) if last is not None else 0)

        found = [mp.mpf(0), mp.mpf(0)]
        for (j, m), c in self._coefficients(self.digits // 3 + 4, synthetic).items():
            exponent, factor = j * self.beta + m * self.other, c * self.scale**j * self.made**m
            found[0] += self.scale * factor * power(exponent + self.beta)
            found[1] -= factor * power(exponent) if j + m else 0
        return found


def _hurwitz(s: Any, first: int) -> Any:
    """Hurwitz's zeta function by the Euler-Maclaurin formula, to the working precision of its own size."""
    start = mp.mpf(first + mp.mp.dps + int(s / 2))
    total = mp.fsum(mp.mpf(i) ** -s for i in range(first, int(start)))
    total += start ** (1 - s) / (s - 1) + start**-s / 2
    rising, k = s * start ** (-s - 1), 1
    while True:
        term = mp.bernoulli(2 * k) / mp.factorial(2 * k) * rising
        total += term
        if abs(term) <= mp.eps * total:
            return total
        rising *= (s + 2 * k - 1) * (s + 2 * k) / start**2
        k += 1


def _binomial_row(size: int, share: Any) -> list[Any]:
    """Chances of 0, ..., size among so many."""
    if share == 1:
        return [mp.mpf(0)] * size + [mp.mpf(1)]
    row = [(1 - share) ** size]
    ratio = share / (1 - share)
    for x in range(size):
        row.append(row[-1] * ratio * (size - x) / (x + 1))
    return row
