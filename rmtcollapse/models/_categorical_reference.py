"""The recursive categorical law with mpmath: chains of counts from the stated transition, in plain sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rmtcollapse.errors import ParameterError
from rmtcollapse.models._prediction import Prediction

if TYPE_CHECKING:
    from rmtcollapse.models.categorical_recursion import CategoricalRecursion

__all__ = ["reference"]

_GUARD_DIGITS = 20
_AFFORDABLE = 1e6
Law = list[Any]


def reference(model: CategoricalRecursion, digits: int) -> Prediction:
    """All values to many digits."""
    import mpmath as mp

    from rmtcollapse.equations.reference import solve_reference

    n, N, m = model.synthetic_samples, model.real_samples, model.generations
    tokens = model.tokens
    work = len(tokens.probability) * (N + n) * (n + 1) * max(m, 1) * (N + 1 if model._data == "fixed" else 1) + n**3
    if work > _AFFORDABLE:
        raise ParameterError("digits", digits, "None where chains of counts are this large; give fewer draws or tokens")
    solution = solve_reference(model.system(), model.arguments(model.parameters()), model.columns(), digits)
    values = dict(solution.outputs)
    with mp.workdps(digits + _GUARD_DIGITS):
        pairs = [(mp.mpf(float(p)), mp.mpf(float(q)), mp.mpf(float(c))) for p, q, c in zip(
            tokens.probability, tokens.complement, tokens.multiplicity, strict=True)]  # fmt: skip
        values |= _Reference(n, N, m, model._data).values(pairs)
        named = {name: mp.mpf(values[name]) for name in model.VALUES}
    double = model.theory()
    return Prediction(named, {}, 0.0, 10.0**-digits, double.status, double.regimes, digits)


class _Reference:
    """Chains of one size."""

    def __init__(self, draws: int, real: int, generations: int, data: str) -> None:
        self.draws, self.real, self.generations, self.data = draws, real, generations, data
        self.shares = draws + real
        rule = _transition()
        self.rows = [self._row(rule, y) for y in range(self.shares + 1)] if draws else []

    def _row(self, rule: Callable[..., Any], y: int) -> Law:
        import mpmath as mp

        return [rule(mp.mpf(self.draws), mp.mpf(self.real), mp.mpf(y), x) for x in range(self.draws + 1)]

    def values(self, tokens: list[tuple[Any, Any, Any]]) -> dict[str, Any]:
        """From probabilities, complements and multiplicities."""
        import mpmath as mp

        distance, alike, alive = mp.mpf(0), mp.mpf(0), mp.mpf(0)
        for p, q, many in tokens:
            law = self._law(p, q)
            whole = len(law) - 1
            distance += many * mp.fsum(w * abs(mp.mpf(y) / whole - p) for y, w in enumerate(law))
            alike, alive = alike + many * law[-1], alive + many * mp.fsum(law[1:])
        if self.generations == 0:
            distance, alive = mp.mpf(0), mp.fsum(many for *_, many in tokens)
            alike = mp.mpf(len(tokens) == 1 and tokens[0][2] == 1)
        found = {"absolute_distance": distance, "collapse_probability": alike, "surviving_tokens": alive}
        return {**found, "expected_collapse_time": self._time(tokens)}

    def _law(self, p: Any, q: Any) -> Law:
        """Law of a token's shares in the last generation."""
        import mpmath as mp

        n, N, m = self.draws, self.real, self.generations
        if self.data == "none":
            law = _binomial(n, p, q)
            for _ in range(m - 1):
                law = _pushed(law, self.rows)
            return law
        drawn = _binomial(N, p, q)
        if m <= 1 or n == 0:
            return drawn
        if self.data == "fixed":
            total = [mp.mpf(0)] * (self.shares + 1)
            for k, weight in enumerate(drawn):
                law = _binomial(n, mp.mpf(k) / N, 1 - mp.mpf(k) / N)
                for _ in range(m - 2):
                    law = _pushed(law, self.rows[k : k + n + 1])
                for x, w in enumerate(law):
                    total[k + x] += weight * w
            return total
        rows = [_binomial(n, mp.mpf(k) / N, 1 - mp.mpf(k) / N) for k in range(N + 1)]
        law = _convolved(drawn, _pushed(drawn, rows))
        for _ in range(m - 2):
            law = _convolved(drawn, _pushed(law, self.rows))
        return law

    def _time(self, tokens: list[tuple[Any, Any, Any]]) -> Any:
        """Expected time to one token for good."""
        import mpmath as mp

        n = self.draws
        if len(tokens) == 1 and tokens[0][2] == 1:
            return mp.mpf(0)
        if self.data != "none":
            return mp.inf
        h = [mp.mpf(0)] * (n + 1)
        if n > 1:
            inner = mp.matrix([[(a == b) - self.rows[a][b] for b in range(1, n)] for a in range(1, n)])
            h[1:n] = list(mp.lu_solve(inner, mp.matrix([mp.mpf(a) / n for a in range(1, n)])))
        waits = (c * (p + mp.fdot(_binomial(n, p, q), h)) for p, q, c in tokens)
        return mp.fsum(waits)


def _transition() -> Callable[..., Any]:
    """The stated transition as a function of n, N, y and x."""
    import sympy as sp

    from rmtcollapse.models._categorical_equations import transition, x, y

    n, N = sp.symbols("n N")
    return sp.lambdify([n, N, y, x], transition(n, N), "mpmath")  # type: ignore[no-any-return]


def _binomial(draws: int, p: Any, q: Any) -> Law:
    import mpmath as mp

    return [mp.binomial(draws, x) * p**x * q ** (draws - x) for x in range(draws + 1)]


def _pushed(law: Law, rows: list[Law]) -> Law:
    """Law after one step whose laws are `rows`."""
    import mpmath as mp

    return [mp.fsum(w * row[x] for w, row in zip(law, rows, strict=True)) for x in range(len(rows[0]))]


def _convolved(left: Law, right: Law) -> Law:
    import mpmath as mp

    total = [mp.mpf(0)] * (len(left) + len(right) - 1)
    for a, u in enumerate(left):
        for b, v in enumerate(right):
            total[a + b] += u * v
    return total
