"""Jets and double-double numbers against mpmath and exact fractions."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from operator import add, mul, sub, truediv
from typing import Any

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray

from rmtcollapse.spectra import _arithmetic as arithmetic
from rmtcollapse.spectra._arithmetic import EPS, DoubleDouble, Dual, Jet, either, integer_power

Rule = Callable[[list[Any], list[Any]], Any]  # of two variables; appends what it meets on the way
BASIC: list[Callable[..., Any]] = [add, sub, mul, truediv]
CONSTANTS = [Fraction(a, b) for a, b in ((-5, 2), (1, 8), (6, 1), (1, 3), (-7, 5), (22, 7), (1, 10**6))]


def expression(rng: np.random.Generator, depth: int) -> Rule:
    """A random tree of + - * / and constants."""
    if depth == 0:
        which = int(rng.integers(2))
        return lambda x, seen: x[which]
    first, second = (expression(rng, depth - 1) for _ in range(2))
    number = CONSTANTS[int(rng.integers(len(CONSTANTS)))]
    operation: Callable[[Any, Any], Any] = [
        *BASIC,
        lambda a, b: number - a,
        lambda a, b: a * number,
        lambda a, b: number / a,
        lambda a, b: a / number + -b,
        lambda a, b: number * a - b,
    ][int(rng.integers(9))]

    def rule(x: list[Any], seen: list[Any]) -> Any:
        seen.append(operation(first(x, seen), second(x, seen)))
        return seen[-1]

    return rule


def variables(rng: np.random.Generator, points: int) -> tuple[NDArray[Any], list[Jet]]:
    u = rng.normal(size=(2, points)) + 1j * rng.normal(size=(2, points)) * 10 ** rng.uniform(-6, 0, points)
    unit = np.eye(2)[:, :, None] * np.ones(points, complex)
    return u, [Jet(u[i], unit[i], np.zeros(points)) for i in range(2)]


def exact(value: Any) -> Any:
    return mpmath.mpmathify(complex(value))


@pytest.mark.parametrize("seed", range(40))
def test_slopes_of_jets_are_derivatives(seed: int) -> None:
    rng = np.random.default_rng([1, seed])
    rule = expression(rng, 3)
    u, jets = variables(rng, 8)
    seen: list[Any] = []
    found = rule(jets, seen)
    tame = np.all([(np.abs(s.value) > 1e-2) & (np.abs(s.value) < 1e2) for s in seen], axis=0)
    with mpmath.workdps(40):
        for p in np.flatnonzero(tame):
            at = [exact(x) for x in u[:, p]]
            for i in range(2):
                slope = mpmath.diff(lambda x: rule([x if i == k else at[k] for k in range(2)], []), at[i])  # noqa: B023
                # between 1e-2 and 1e2, roundings grow by less than 1e6; an error of formula is seen
                assert abs(exact(found.slopes[i, p]) - slope) <= 1e6 * EPS * max(1, abs(slope))


@pytest.mark.parametrize("seed", range(60))
def test_bounds_of_jets_hold(seed: int) -> None:
    rng = np.random.default_rng([2, seed])
    rule = expression(rng, 3)
    u, jets = variables(rng, 12)
    seen: list[Any] = []
    with np.errstate(all="ignore"):
        found = rule(jets, seen)
        tame = np.all([(np.abs(s.value) > 1e-2) & (np.abs(s.value) < 1e2) for s in seen], axis=0)
    assert np.all(found.bound[tame] <= 1e8 * EPS)  # of some use: seven operations between 1e-2 and 1e2
    with mpmath.workdps(60):
        for p in np.flatnonzero(np.isfinite(found.value) & np.isfinite(found.bound)):
            error = abs(exact(found.value[p]) - rule([exact(x) for x in u[:, p]], []))
            assert error <= found.bound[p]


@pytest.mark.parametrize("operation", BASIC)
def test_bounds_hold_what_they_are_given_and_one_rounding(operation: Callable[..., Any]) -> None:
    u, (a, b) = variables(np.random.default_rng(8), 3000)
    rounded = operation(a, b)
    with mpmath.workdps(40):
        for i in range(3000):
            assert abs(exact(rounded.value[i]) - operation(exact(u[0, i]), exact(u[1, i]))) <= rounded.bound[i]
    for first, second in ((1e-3, 0.0), (0.0, 1e-3), (1e-3, 1e-4)):
        found = operation(*(Jet(x.value, x.slopes, x.bound + given) for x, given in ((a, first), (b, second))))
        assert np.all(found.bound >= np.abs(rounded.slopes).T @ (first, second))


def test_the_bound_counts_the_rounding_of_constants() -> None:
    jet = Jet(np.array([-1 / 3 + 0j]), np.ones((1, 1), complex), np.zeros(1))
    with mpmath.workdps(40):
        true = mpmath.mpf(-1 / 3) + mpmath.mpf(1) / 3
        for found in (jet + Fraction(1, 3), Fraction(1, 3) - -jet, jet - Fraction(-1, 3)):
            assert abs(exact(found.value[0]) - true) <= found.bound[0] <= 2 * EPS


def numbers(rng: np.random.Generator, size: int, low: float, high: float) -> DoubleDouble:
    top = (rng.normal(size=size) + 1j * rng.normal(size=size)) * 10.0 ** rng.uniform(low, high, size)
    return DoubleDouble.of(top, top * rng.normal(size=size) * 2.0**-55)


def whole(number: DoubleDouble, i: int) -> Any:
    parts = ((mpmath.mpf(float(x[0][i])) + mpmath.mpf(float(x[1][i]))) for x in (number.real, number.imag))
    return mpmath.mpc(*parts)


@pytest.mark.parametrize("operation", [*BASIC, lambda a, b: (Fraction(-7, 3) - a) * Fraction(22, 7) + 1])
@pytest.mark.parametrize("powers", [(-1, 1), (-120, 120), (120, 125), (-125, -120)])
def test_double_double_has_thirty_digits(operation: Callable[..., Any], powers: tuple[float, float]) -> None:
    rng = np.random.default_rng(3)
    a, b = numbers(rng, 40, *powers), numbers(rng, 40, *powers)
    found = operation(a, b)
    with mpmath.workdps(320):
        for i in range(40):
            true = operation(whole(a, i), whole(b, i))
            assert abs(whole(found, i) - true) <= 8 * 2.0**-106 * abs(true)
            assert found.value[i] == complex(found.real[0][i], found.imag[0][i])


@pytest.mark.parametrize("powers", [(-290, -280), (280, 300)])
def test_double_double_divides_by_tiny_and_huge(powers: tuple[float, float]) -> None:
    a = numbers(np.random.default_rng(4), 40, *powers)
    found = Fraction(1, 3) / a
    with mpmath.workdps(80):
        for i in range(40):
            true = 1 / (3 * whole(a, i))
            assert abs(whole(found, i) - true) <= 1e-30 * abs(true) + mpmath.mpf(2) ** -1070


def test_double_double_sums_that_cancel() -> None:
    rng = np.random.default_rng(5)
    a = numbers(rng, 50, -3, 3)
    for gap in (1e-8, 1e-16, 1e-25):
        b = DoubleDouble.of(a.value, a.value * gap)
        found = a - b
        with mpmath.workdps(80):
            for i in range(50):
                true = whole(a, i) - whole(b, i)
                error = whole(found, i) - true
                assert abs(error.real) <= 1e-30 * abs(true.real)
                assert abs(error.imag) <= 1e-30 * abs(true.imag)


def test_sums_and_products_of_doubles_are_exact() -> None:
    rng = np.random.default_rng(6)
    for a, b in rng.normal(size=(200, 2)) * 10.0 ** rng.uniform(-8, 8, (200, 2)):
        for pair, true in (
            (arithmetic.two_sum(a, b), Fraction(a) + Fraction(b)),
            (DoubleDouble.of(np.array(a + 1j), np.array(b - 1j)).real, Fraction(a) + Fraction(b)),
            (arithmetic.two_product(a, b), Fraction(a) * Fraction(b)),
        ):
            assert pair[0] == float(true)
            assert sum(map(Fraction, pair)) == true


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 64, 101])
def test_total_is_the_sum(size: int) -> None:
    rng = np.random.default_rng(size)
    high = rng.normal(size=(3, size)) * 10.0 ** rng.uniform(-10, 10, (3, size))
    low = high * rng.normal(size=(3, size)) * 2.0**-55
    found = arithmetic.total((high, low))
    for row in range(3):
        terms = [Fraction(a) + Fraction(b) for a, b in zip(high[row], low[row], strict=True)]
        error = abs(Fraction(found[0][row]) + Fraction(found[1][row]) - sum(terms))
        assert error <= 1e-30 * float(sum(map(abs, terms)))


def test_choices_are_elementwise_and_lazy() -> None:
    mask = np.array([True, False, True])
    rng = np.random.default_rng(7)
    a, b = numbers(rng, 3, -1, 1), numbers(rng, 3, -1, 1)
    chosen = a.where(mask, b)
    for i in range(3):
        assert whole(chosen, i) == whole(a if mask[i] else b, i)
    j, k = (Jet(x.value, np.stack([x.value, 2 * x.value]), np.abs(x.value)) for x in (a, b))
    mixed = either(mask, lambda: j, lambda: k)
    for name in ("value", "slopes", "bound"):
        np.testing.assert_array_equal(getattr(mixed, name), np.where(mask, getattr(j, name), getattr(k, name)))
    assert either(np.array([True]), lambda: j, lambda: pytest.fail("asked for")) is j
    assert either(False, lambda: pytest.fail("asked for"), lambda: k) is k


@pytest.mark.parametrize("exponent", [1, 2, 3, 5, 8, 15, 100, 999])
def test_integer_powers(exponent: int) -> None:
    assert integer_power(Fraction(-3, 2), exponent) == Fraction(-3, 2) ** exponent
    base = DoubleDouble.of(np.array([0.6 + 0.8j]))
    with mpmath.workdps(60):
        true = whole(base, 0) ** exponent
        assert abs(whole(integer_power(base, exponent), 0) - true) <= exponent * 1e-31 * abs(true)


def test_duals_carry_derivatives_through_all_operations() -> None:
    with mpmath.workdps(60):
        x, y = mpmath.mpc(0.3, 0.7), mpmath.mpc(-1.1, 0.2)

        def form(a: Any, b: Any) -> Any:
            return Fraction(1, 3) / (a * b + Fraction(2, 7)) - (3 - b) * Fraction(5, 3) + -a / b - integer_power(a, 5)

        def plain(a: Any, b: Any) -> Any:
            third, seventh = mpmath.mpf(1) / 3, mpmath.mpf(2) / 7
            return third / (a * b + seventh) - (3 - b) * 5 * third - a / b - a**5

        found = form(Dual(x, [mpmath.mpf(1), mpmath.mpf(0)]), Dual(y, [mpmath.mpf(0), mpmath.mpf(1)]))
        assert abs(found.value - plain(x, y)) < 1e-55
        assert abs(found.slopes[0] - mpmath.diff(plain, (x, y), (1, 0))) < 1e-35
        assert abs(found.slopes[1] - mpmath.diff(plain, (x, y), (0, 1))) < 1e-35
