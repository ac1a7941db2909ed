"""Spiked matrices and tensors: verified values, the fold, the equations solved another way, experiments, refusals."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rmtcollapse import ConvergenceError, ParameterError, simulate, verify
from rmtcollapse.equivalents.tensors import spiked_system
from rmtcollapse.models import SpikedMatrix, SpikedTensor
from rmtcollapse.spectra import MarchenkoPastur

sizes_of = st.lists(st.integers(1, 10**6), min_size=2, max_size=7)


def iterated(sizes: Any, strength: float, digits: int = 40) -> tuple[list[Any], Any]:
    """Overlaps and singular value from the equations in their published form, by Newton's method in g and lambda."""
    with mp.workdps(digits):
        c = [mp.mpf(int(n)) / int(sum(sizes)) for n in sizes]

        def defects(*values: Any) -> list[Any]:
            *g, lam = values
            q = [mp.sqrt(1 - x**2 / y) for x, y in zip(g, c, strict=True)]
            fixed = [x - y / (x - lam - mp.fsum(g)) for x, y in zip(g, c, strict=True)]
            # y/(x - lam - sum g) is c_i / (-(sum of the others) - lam) with x added to both sides of the bracket.
            return [*(f for f in fixed), lam + mp.fsum(g) - strength * mp.fprod(q)]

        start = [-x / strength for x in c] + [mp.mpf(strength) + 1 / mp.mpf(strength)]
        *g, lam = mp.findroot(defects, start, tol=mp.mpf(10) ** (-2 * digits + 20), maxsteps=100)
        return [mp.sqrt(1 - x**2 / y) for x, y in zip(g, c, strict=True)], lam


# ---- values ----------------------------------------------------------------------------------------------------------


def test_verified_matrix() -> None:
    assert SpikedMatrix(sizes=[400, 600], strength=1.0).theory()["singular_value"] ** 2 == pytest.approx(
        2.24, rel=1e-14
    )


@pytest.mark.parametrize(
    ("strength", "second", "third"),
    [(2.0, 0.940403679388896, 0.9671211459220543), (1.5, 0.8846885802832581, 0.9309889602426962)],
)
def test_verified_tensors(strength: float, second: float, third: float) -> None:
    alignment = SpikedTensor(sizes=[120, 160, 80], strength=strength).theory()["alignment"]
    np.testing.assert_allclose(np.sqrt(alignment[1:]), [second, third], rtol=1e-13)


@pytest.mark.parametrize("sizes", [[3, 4], [5, 5, 5], [30, 2, 9], [4, 5, 6, 7], [2, 3, 5, 7, 11]])
def test_the_equations_in_their_published_form(sizes: list[int]) -> None:
    found = SpikedTensor(sizes=sizes, strength=2.5).theory()
    q, lam = iterated(sizes, 2.5)
    np.testing.assert_allclose(found["alignment"], [float(x**2) for x in q], rtol=4e-16)
    assert found["singular_value"] == pytest.approx(float(lam), rel=4e-16)


def test_constants_of_order_three() -> None:
    cubic = SpikedTensor(sizes=[7, 7, 7], strength=1.2)
    assert cubic.threshold() == pytest.approx(2 / math.sqrt(3), rel=3e-16)
    just_above = cubic.evolve(strength=np.nextafter(cubic.threshold(), 2)).theory()
    np.testing.assert_allclose(just_above["alignment"], 0.5, rtol=1e-7)
    assert just_above["singular_value"] == pytest.approx(math.sqrt(8 / 3), rel=1e-15)
    assert cubic.mle_threshold() == pytest.approx(1.206555734568, abs=6e-13)
    at = cubic.evolve(strength=cubic.mle_threshold()).theory()
    assert at["singular_value"] == pytest.approx(1.656998363527, abs=6e-13)
    np.testing.assert_allclose(np.sqrt(at["alignment"]), 0.803123559195, atol=6e-13)


def test_the_maximum_of_noise_is_that_of_the_spin_model() -> None:
    # At order two both thresholds are the same.
    assert SpikedTensor(sizes=[9, 9], strength=1.0).mle_threshold() == pytest.approx(2**-0.5, rel=1e-15)
    four = SpikedTensor(sizes=[9] * 4, strength=1.0)
    value = four.evolve(strength=four.mle_threshold()).theory()["singular_value"]
    assert value == pytest.approx(ground_state(4), rel=1e-13)


def ground_state(p: int) -> float:
    """Of the pure spherical p-spin model, from its one-step solution at zero temperature (Crisanti and Leuzzi)."""
    from scipy.optimize import brentq

    z = brentq(lambda z: (1 + z) / z**2 * math.log1p(z) - 1 / z - 1 / p, 1e-3, 200, xtol=1e-15)
    return (p + z) / math.sqrt(p * (1 + z))


@given(sizes_of, st.floats(1e-3, 1e3))
@settings(max_examples=100, deadline=None)
def test_the_theory_never_fails(sizes: list[int], strength: float) -> None:
    model = SpikedTensor(sizes=sizes, strength=strength)
    found, threshold = model.theory(), model.threshold()
    assert found["detectable"] == (strength > threshold)
    assert found.residual < 1e-37
    assert np.all((found["alignment"] >= 0) & (found["alignment"] <= 1))
    assert np.all(found["alignment"] > 0) == (strength > threshold)
    edge = model.evolve(strength=threshold).theory()["singular_value"]
    assert found["singular_value"] >= edge * (1 - 1e-15)


@pytest.mark.parametrize("distance", [0.0, 1e-15, 1e-12, 1e-8, 1e-4, 1.0])
@pytest.mark.parametrize("sizes", [[40, 60], [1, 1000, 30], [5, 6, 7, 8]])
def test_next_to_the_threshold(sizes: list[int], distance: float) -> None:
    model = SpikedTensor(sizes=sizes, strength=1.0)
    model = model.evolve(strength=np.nextafter(model.threshold(), 9) * (1 + distance))
    found, exact = model.theory(), model.theory(digits=60)
    assert found["detectable"] == 1
    with mp.workdps(70):
        # The parameter of the curve by bisection of its own, in plain sums.
        c = [mp.mpf(n) / sum(sizes) for n in sizes]
        s = mp.mpf(str(exact["excess"]))
        strength = s * mp.fprod(mp.sqrt((s + mp.sqrt(s**2 + 4 * x)) / (2 * s)) for x in c)
        assert abs(strength / mp.mpf(model.strength) - 1) < mp.mpf(10) ** -55
        rising = [s / mp.sqrt(s**2 + 4 * x) for x in c]
        assert mp.fsum(rising) > len(sizes) - 2
        expected = [float(2 * s / (s + mp.sqrt(s**2 + 4 * x))) for x in c]
    np.testing.assert_allclose(found["alignment"], expected, rtol=4e-16)


@pytest.mark.parametrize("strength", [1e20, 1e150, 1e300])
def test_large_strengths(strength: float) -> None:
    found = SpikedTensor(sizes=[3, 1000, 7], strength=strength).theory()
    assert found["singular_value"] == pytest.approx(strength, rel=1e-15)
    np.testing.assert_allclose(found["alignment"], 1.0, rtol=1e-15)


@given(st.integers(1, 10**5), st.integers(1, 10**5), st.floats(1e-2, 1e6))
@settings(max_examples=80, deadline=None)
def test_order_two_is_the_matrix(rows: int, columns: int, strength: float) -> None:
    matrix = SpikedMatrix(sizes=[rows, columns], strength=strength)
    tensor = SpikedTensor(sizes=[rows, columns], strength=strength)
    c1, c2 = rows / (rows + columns), columns / (rows + columns)
    assert matrix.threshold() == tensor.threshold() == pytest.approx((c1 * c2) ** 0.25, rel=1e-15)
    found, other = matrix.theory(), tensor.theory()
    assert all(np.array_equal(found[n], other[n]) for n in found)
    if strength > 1.01 * matrix.threshold():
        b2 = strength**2
        assert found["singular_value"] == pytest.approx(math.sqrt((b2 + c1) * (b2 + c2)) / strength, rel=4e-15)
        lost = [c1 * (b2 + c2) / (b2 * (b2 + c1)), c2 * (b2 + c1) / (b2 * (b2 + c2))]
        np.testing.assert_allclose(found["alignment"], 1 - np.array(lost), atol=4e-14)


def test_a_mode_of_size_one_does_not_count_in_the_limit() -> None:
    with_one = SpikedTensor(sizes=[4 * 10**8, 6 * 10**8, 1], strength=1.0).theory()
    matrix = SpikedMatrix(sizes=[4, 6], strength=1.0).theory()
    np.testing.assert_allclose(with_one["alignment"][:2], matrix["alignment"], rtol=1e-8)
    assert with_one["alignment"][2] == pytest.approx(1.0, abs=1e-8)


# ---- experiments -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strength", [0.0, 1.2])
def test_the_matrix_experiment_agrees(strength: float) -> None:
    verdict = verify(SpikedMatrix(sizes=[40, 60], strength=strength), trials=100, seed=2)
    assert verdict.passed, verdict.report
    assert verdict["singular_value"].rate == (1.0 if strength > 1 else 2 / 3)


@pytest.mark.slow
@pytest.mark.parametrize("start", ["signal", "hosvd"])
def test_below_the_threshold_the_tensor_experiment_ends_at_the_edge(start: str) -> None:
    verdict = verify(SpikedTensor(sizes=[14, 18, 12], strength=0.5, start=start), trials=40, seed=2)
    assert verdict.passed, verdict.report
    assert verdict["singular_value"].slope < 0
    remembers = "remembers the signal" in verdict["alignment[0]"].note
    assert remembers == (start == "signal")


def test_next_to_the_threshold_nothing_is_judged() -> None:
    matrix = SpikedMatrix(sizes=[40, 60], strength=0.72)
    assert set(matrix.unjudged()) == {"alignment", "singular_value"}
    assert "sizes of 1008 times" in matrix.evolve(strength=0.68).unjudged()["singular_value"]
    # An overlap that vanishes is further from its limit than the edge.
    assert set(matrix.evolve(strength=0.68, sizes=[40 * 1008, 60 * 1008]).unjudged()) == {"alignment"}
    assert set(matrix.evolve(strength=0.5).unjudged()) == {"alignment"}
    assert "move away" in matrix.evolve(strength=matrix.threshold()).unjudged()["alignment"]
    assert not any(matrix.evolve(strength=b).unjudged() for b in (0.0, 0.3, 1.2, 1e3, 1e300))
    tensor = SpikedTensor(sizes=[15] * 3, strength=1.16)
    assert "next to the threshold" in tensor.unjudged()["singular_value"]
    assert not tensor.evolve(strength=1.6).unjudged()


def test_unfoldings_that_do_not_see_the_signal() -> None:
    model = SpikedTensor(sizes=[60] * 3, strength=1.3, start="hosvd")
    assert model.hosvd_threshold() == pytest.approx(60**0.75 / 180**0.5, rel=1e-14)
    assert "hardly see the signal" in model.unjudged()["alignment"]
    assert not model.evolve(strength=1.16 * model.hosvd_threshold()).unjudged()
    assert not model.evolve(strength=0.5).unjudged()  # blind, and there is nothing to see
    assert not SpikedTensor(sizes=[60, 60], strength=1.3, start="hosvd").unjudged()  # exact for a matrix


@pytest.mark.parametrize("start", ["signal", "hosvd"])
def test_the_tensor_experiment_agrees(start: str) -> None:
    model = SpikedTensor(sizes=[24, 30, 20], strength=2.5 if start == "signal" else 4.0, start=start)
    verdict = verify(model, trials=60, sizes=(1, 2), seed=4)
    assert verdict.passed, verdict.report
    assert [row.name for row in verdict.rows] == [*(f"alignment[{i}]" for i in range(3)), "singular_value"]


def test_order_four() -> None:
    model = SpikedTensor(sizes=[12, 10, 8, 9], strength=2.5)
    found = simulate(model, 100, seed=1)
    theory = model.theory()
    # Of order 1/n: sizes are near ten.
    assert np.all(abs(found["alignment"].mean - theory["alignment"]) < 4 * found["alignment"].standard_error + 0.02)
    assert found["singular_value"].mean == pytest.approx(theory["singular_value"], rel=0.03)


# ---- the bulk --------------------------------------------------------------------------------------------------------


def test_the_bulk_of_a_matrix_is_that_of_its_singular_values() -> None:
    model = SpikedMatrix(sizes=[40, 60], strength=1.0)
    law, squares = model.bulk(), MarchenkoPastur(2 / 3)
    edges = np.sqrt(0.6) * np.sqrt(squares.support()[0])
    np.testing.assert_allclose(law.support(), [tuple(-edges[::-1]), tuple(edges)], rtol=1e-14)
    assert law.atoms() == [(0.0, pytest.approx(0.2, rel=1e-14))]
    x = np.linspace(*edges, 9)[1:-1]
    # 40 singular values, each with its negative, among 100 eigenvalues.
    np.testing.assert_allclose(model.density(x), 0.4 * squares.density(x**2 / 0.6) * 2 * x / 0.6, rtol=1e-13)
    np.testing.assert_allclose(model.density(-x), model.density(x), rtol=1e-13)


@given(sizes_of)
@settings(max_examples=6, deadline=None)
def test_the_bulk_ends_at_the_singular_value_of_the_threshold(sizes: list[int]) -> None:
    model = SpikedTensor(sizes=sizes, strength=0.0)
    law = model.bulk()
    assert law.support()[-1][1] == pytest.approx(model.theory()["singular_value"], rel=1e-14)
    spare = 2 * max(sizes) / sum(sizes) - 1
    assert sum(mass for _, mass in law.atoms()) == pytest.approx(max(spare, 0.0), rel=1e-12, abs=1e-13)


@pytest.mark.parametrize("sizes", [[5, 3, 2], [6, 2, 2], [3, 5, 7, 11]])
def test_the_density_next_to_edges(sizes: list[int]) -> None:
    model = SpikedTensor(sizes=sizes, strength=1.0)
    law = model.bulk()
    left, right = law.support()[-1]
    for share in (1e-12, 1e-6, 0.3, 1 - 1e-6, 1 - 1e-12):
        x = left + (right - left) * share
        if x > 0:
            near = x + complex(law.stieltjes(x, side="above"))
            assert model.density(x) == pytest.approx(exact_density(sizes, x, near), rel=1e-12)


def exact_density(sizes: list[int], x: float, near: complex) -> float:
    r"""From the explicit curve `x=s+\sum_i(\pm r_i-s)/2`: the root next to `near`, with the signs that fit it."""
    with mp.workdps(60):
        c, signs = [mp.mpf(n) / sum(sizes) for n in sizes], itertools.product((1, -1), repeat=len(sizes))

        def defect(s: Any, sign: Any) -> Any:
            return s + mp.fsum((e * mp.sqrt(s * s + 4 * y) - s) / 2 for e, y in zip(sign, c, strict=True)) - mp.mpf(x)

        sign = min(signs, key=lambda sign: abs(defect(mp.mpc(near), sign)))
        return float(mp.findroot(lambda s: defect(s, sign), mp.mpc(near), tol=1e-80).imag / mp.pi)


@pytest.mark.parametrize("sizes", [[60, 40, 20], [70, 15, 20], [12, 14, 10, 9]])
def test_the_spectrum_of_a_matrix_of_contractions(sizes: list[int]) -> None:
    model = SpikedTensor(sizes=sizes, strength=2.0)
    law, order = model.bulk(), len(sizes)
    rng = np.random.default_rng(3)
    found = np.array([model.draw_spectrum(rng) for _ in range(20)])
    value = model.theory()["singular_value"]
    np.testing.assert_allclose(found[:, -1].mean(), (order - 1) * value, rtol=0.03)
    inner = found[:, order - 1 : -1]  # without the outliers
    for x in np.quantile(inner, [0.1, 0.3, 0.75, 0.9]):
        measured = np.mean(inner <= x, axis=1)
        # of order 1/n: the outliers are missing
        assert abs(measured.mean() - law.cdf(x)) < 4 * measured.std() / 20**0.5 + 2 * order / sum(sizes)


# ---- equations -------------------------------------------------------------------------------------------------------


def test_the_equations_are_those_of_any_order() -> None:
    latex = SpikedTensor(sizes=[3, 4, 5, 6], strength=1.0).latex()
    for part in (r"\sum_j g_j", r"\prod_j q_j", "c_i", "d"):
        assert part in latex
    assert latex == SpikedTensor.latex()
    assert "g_{4}" in spiked_system(4).latex()
    assert "g_{5}" not in spiked_system(4).latex()


# ---- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [SpikedMatrix, SpikedTensor])
@pytest.mark.parametrize("sizes", [[4], [], [4, 0], [4, -3], [4, 2.5], [[4, 5]], "4,5", None, [math.nan, 3]])
def test_wrong_sizes_are_refused(cls: Any, sizes: Any) -> None:
    with pytest.raises(ParameterError, match="sizes"):
        cls(sizes=sizes, strength=1.0)


def test_other_refusals() -> None:
    with pytest.raises(ParameterError, match=r"sizes = .*two whole numbers"):
        SpikedMatrix(sizes=[4, 5, 6], strength=1.0)
    for strength in (-1.0, math.nan, math.inf, "2"):
        with pytest.raises(ParameterError, match="strength"):
            SpikedTensor(sizes=[4, 5, 6], strength=strength)
    with pytest.raises(ParameterError, match="equal sizes"):
        SpikedTensor(sizes=[4, 5, 6], strength=1.0).mle_threshold()
    with pytest.raises(ParameterError, match="entries"):
        SpikedTensor(sizes=[1000] * 4, strength=1.0).draw(np.random.default_rng(0))
    with pytest.raises(ParameterError, match="multiples of 2"):
        SpikedTensor(sizes=[4, 5, 6], strength=1.0).resized(Fraction(1, 2))


def test_an_iteration_that_does_not_settle_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rmtcollapse.experiments.tensors._STEPS", 2)
    with pytest.raises(ConvergenceError, match="power iteration"):
        SpikedTensor(sizes=[20, 20, 20], strength=1.2).draw(np.random.default_rng(0))
