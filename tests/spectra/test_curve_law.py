"""Laws as curves: references, tables, edges, and random laws against polynomial roots."""

from __future__ import annotations

import math
from types import SimpleNamespace

import mpmath as mp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.spectra import _bulk_table, _upper, curve_law
from rmtcollapse.spectra._solver import Solved
from rmtcollapse.spectra.curve_law import CurveLaw
from rmtcollapse.spectra.free import FreeAdditivePower, FreeMultiplicativePower
from rmtcollapse.spectra.laws import Atoms, FreePoisson, FussCatalan, MarchenkoPastur, Semicircle
from rmtcollapse.spectra.sample_covariance import SampleCovariance

THREE = ([-1.0, 0.5, 3.0], [0.25, 0.5, 0.25])
LAWS: list[CurveLaw] = [
    MarchenkoPastur(0.5),
    FussCatalan(4),
    SampleCovariance(Atoms([0.0, 1.0, 8.0]), 0.125),
    Atoms(*THREE) + Semicircle(0.5),
    Atoms(*THREE) + FreePoisson(0.5, -1),
    Atoms(*THREE) + Atoms([0.0, 2.0], [0.25, 0.75]),
    Atoms([1.0, 4.0]) @ Atoms([0.0, 2.0], [0.25, 0.75]),
    FreeAdditivePower(Atoms(*THREE), 2.5),
    FreeMultiplicativePower(Atoms([1.0, 4.0]), 3),
    -2.0 * (Atoms(*THREE) + Semicircle(0.5)) + 1.0,
]  # type: ignore[list-item]


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_references_agree_with_doubles_and_with_themselves(law: CurveLaw) -> None:
    left, right = law.support()[0]
    for z in (left + 0.3 * (right - left), left + 1e-6 * (right - left), 0.4 + 0.7j, 50.0 + 1e-3j):
        with mp.workdps(60):
            few, many = law.reference(z, 30), law.reference(z, 50)
            assert abs(few / many - 1) < mp.mpf(10) ** -28
            value = mp.mpmathify(complex(law.stieltjes(z, side="above")))
            assert abs(value / many - 1) < 1e-13


def test_the_reference_is_the_closed_form(exact: SimpleNamespace) -> None:
    with mp.workdps(60):
        z = 1.25 + 0.5j
        value = MarchenkoPastur(0.5).reference(z, 50)
        assert abs(value / exact.marchenko_pastur(0.5).transform(z) - 1) < mp.mpf(10) ** -40
        assert mp.im(value) > 0


def test_edges_are_critical_points() -> None:
    """m of signs plus a semicircle of variance v: u^3 - z u^2 + (v - 1) u + z has a double root at an edge z."""
    for variance in (0.25, 0.5, 0.99, 2.0, 16.0):
        law = Atoms([-1.0, 1.0]) + Semicircle(variance)
        v = mp.mpf(variance)
        with mp.workdps(50):
            # dz/du = 0: (u^2 - 1)^2 = v (u^2 + 1)
            squares = mp.polyroots([1, -2 - v, 1 - v], extraprec=200)
            edges = []
            for square in squares:
                if square > 0:
                    u = mp.sqrt(square)
                    edges += [u + v * u / (square - 1), -u - v * u / (square - 1)]
        expected = sorted(float(e) for e in edges)
        np.testing.assert_allclose(np.ravel(law.support()), expected, rtol=4e-16)
        assert len(law.support()) == (2 if variance < 1 else 1)


@pytest.mark.parametrize("gap", [1e-3, 1e-6, 1e-9])
def test_two_edges_that_almost_meet(exact: SimpleNamespace, gap: float) -> None:
    """Signs plus a semicircle of variance 1 -+ gap: just before and just after two bulks merge."""
    for variance in (1 - gap, 1 + gap):
        law = Atoms([-1.0, 1.0]) + Semicircle(variance)
        reference = exact.plus_r([-1.0, 1.0], [0.5, 0.5], variance=variance)
        assert len(law.support()) == (2 if variance < 1 else 1)
        inner = law.support()[-1][0] if variance < 1 else 0.0
        x = inner + 10.0 ** -np.arange(1.0, 13.0)
        if variance > 1:
            x = np.append(x, 0.0)
        errors = exact.relative_errors(law.density(x), [reference.density(p) for p in x])
        assert errors.max() < 1e-9, x[errors.argmax()]
        assert np.sort(errors)[-2] < 1e-12
        assert law.masses().sum() == pytest.approx(1, abs=1e-13)


def test_divergent_edges_are_infinite_and_no_others() -> None:
    assert FussCatalan(3).density(0.0) == math.inf
    assert SampleCovariance(Atoms([1.0, 3.0]), 1).density(0.0) == math.inf
    assert (Atoms([-1.0, 1.0]) + Atoms([-1.0, 1.0])).density([-2.0, 2.0]).tolist() == [math.inf] * 2
    assert MarchenkoPastur(1 + 1e-6).density(MarchenkoPastur(1 + 1e-6).support()[0][0]) == 0.0
    assert Semicircle(1e-30).density([-2e-15, 2e-15]).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("factor", [1e-150, 1e-30, 1e30, 1e150])
def test_units_do_not_matter(factor: float) -> None:
    law = SampleCovariance(Atoms([1.0, 8.0]), 0.5)
    scaled = SampleCovariance(Atoms([factor, 8.0 * factor]), 0.5)
    np.testing.assert_allclose(np.ravel(scaled.support()) / factor, np.ravel(law.support()), rtol=1e-14)
    x = np.array([0.1, 1.0, 5.0, 20.0])
    np.testing.assert_allclose(scaled.density(x * factor) * factor, law.density(x), rtol=1e-13)
    np.testing.assert_allclose(scaled.cdf(x * factor), law.cdf(x), rtol=1e-13)
    np.testing.assert_allclose(scaled.quantile([0.2, 0.9]) / factor, law.quantile([0.2, 0.9]), rtol=1e-12)
    assert scaled.stieltjes((3 + 1j) * factor) * factor == pytest.approx(law.stieltjes(3 + 1j), rel=1e-13)


def test_moments_of_high_order() -> None:
    """Catalan numbers and their like, from the series, without loss."""
    law = MarchenkoPastur(1)
    expected = [math.comb(2 * k, k) // (k + 1) for k in range(1, 101)]
    np.testing.assert_allclose(law.moments(100), np.array(expected, float), rtol=1e-12)


def test_potentials_at_edges_are_finite() -> None:
    for law in LAWS:
        places = {x for x, _ in law.atoms()}
        edges = np.array([e for e in np.ravel(law.support()) if e not in places and np.isfinite(law.density(e))])
        values = law.log_potential(edges)
        near = law.log_potential(edges + 1e-7j)
        np.testing.assert_allclose(values, near, atol=1e-5)


@pytest.mark.parametrize("stage", ["polished", "continued"])
def test_a_point_without_a_certificate_is_refused(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that the solver could not certify comes out, whichever stage fails."""

    def failing(root: object, z: np.ndarray, *rest: object, **options: object) -> Solved:
        return Solved(
            *(np.ones((len(root.leaves), z.size), complex),) * 2,
            np.ones(z.size, complex),
            np.zeros(z.size, bool),
            np.ones(z.size),
        )  # type: ignore[attr-defined]

    law = Atoms(*THREE) + Atoms([0.0, 2.0], [0.25, 0.75])
    left, right = law.support()[0]
    monkeypatch.setattr(curve_law, stage, failing)
    monkeypatch.setattr(curve_law, "continued_exactly", lambda *point: None)
    if stage == "continued":
        for module in (_upper, _bulk_table):
            monkeypatch.setattr(module, "continued", failing)
            monkeypatch.setattr(module, "double_double_steps", failing)
        monkeypatch.setattr(_bulk_table, "refined", failing)
    for x in (0.7 * left + 0.3 * right, left + 1e-13):
        with pytest.raises(ConvergenceError, match="no certified solution"):
            law.density(x)
    with pytest.raises(ConvergenceError, match="no certified solution"):
        law.stieltjes(0.3 + 0.1j)


# Random laws

EIGHTHS = st.integers(1, 7)
PLACES = st.floats(0.05, 10).map(lambda x: float(f"{x:.4g}"))
quick = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@st.composite
def few_atoms(draw: st.DrawFn, *, signed: bool = False, most: int = 3) -> tuple[list[float], list[float]]:
    values = draw(st.lists(PLACES, min_size=1, max_size=most, unique=True))
    if signed:
        values = [x * draw(st.sampled_from([-1, 1])) for x in values]
    parts = [draw(EIGHTHS) for _ in values]
    weights = [2.0**-10 * (1024 * part // sum(parts)) for part in parts]
    weights[0] += 1 - sum(weights)
    pairs = sorted(zip(values, weights, strict=True))
    return [x for x, _ in pairs], [h for _, h in pairs]


RATIOS = st.one_of(st.floats(-6, 6).map(lambda e: 10.0**e), st.sampled_from([0.5, 1.0, 2.0, 0.999, 1.001]))


def check(exact: SimpleNamespace, law: CurveLaw, reference: object, share: float) -> None:
    """Bulks of total mass 1 with the atoms, a density >= 0, and one point of each bulk against roots of polynomials."""
    total = law.masses().sum() + sum(h for _, h in law.atoms())
    assert total == pytest.approx(1, abs=1e-12)
    for left, right in law.support():
        x = left + (right - left) * share
        if not left < x < right:
            continue
        true = reference.density(x)  # type: ignore[attr-defined]
        assert np.all(law.density(left + (right - left) * np.linspace(0, 1, 23)[1:-1]) >= 0)
        assert exact.relative_errors([law.density(x)], [true])[0] < 1e-12


@given(atoms=few_atoms(), ratio=RATIOS, share=st.floats(1e-6, 1 - 1e-6))
@quick
def test_random_sample_covariances(
    exact: SimpleNamespace, atoms: tuple[list[float], list[float]], ratio: float, share: float
) -> None:
    check(exact, SampleCovariance(Atoms(*atoms), ratio), exact.covariance(*atoms, ratio), share)


@given(atoms=few_atoms(signed=True), exponent=st.floats(-4, 3), share=st.floats(1e-6, 1 - 1e-6))
@quick
def test_random_sums_with_a_semicircle(
    exact: SimpleNamespace, atoms: tuple[list[float], list[float]], exponent: float, share: float
) -> None:
    law = Atoms(*atoms) + Semicircle(10.0**exponent)
    if len(atoms[0]) > 1:  # one atom is a shift, which rounds
        check(exact, law, exact.plus_r(*atoms, variance=10.0**exponent), share)


@given(
    atoms=few_atoms(signed=True),
    rate=st.floats(-2, 2),
    jump=st.sampled_from([-10.0, -1.0, -0.1, 0.1, 1.0, 10.0]),
    share=st.floats(1e-6, 1 - 1e-6),
)
@quick
def test_random_sums_with_a_free_poisson_law(
    exact: SimpleNamespace, atoms: tuple[list[float], list[float]], rate: float, jump: float, share: float
) -> None:
    law = Atoms(*atoms) + FreePoisson(10.0**rate, jump)
    if len(atoms[0]) > 1:
        check(exact, law, exact.plus_r(*atoms, rate=10.0**rate, jump=jump), share)


@given(first=few_atoms(signed=True), second=few_atoms(signed=True, most=2), share=st.floats(1e-6, 1 - 1e-6))
@quick
def test_random_sums_of_atoms(
    exact: SimpleNamespace,
    first: tuple[list[float], list[float]],
    second: tuple[list[float], list[float]],
    share: float,
) -> None:
    if min(len(first[0]), len(second[0])) > 1:
        check(exact, Atoms(*first) + Atoms(*second), exact.sum_of(first, second), share)  # type: ignore[arg-type]


@given(first=few_atoms(), second=few_atoms(most=2), share=st.floats(1e-6, 1 - 1e-6))
@quick
def test_random_products_of_atoms(
    exact: SimpleNamespace,
    first: tuple[list[float], list[float]],
    second: tuple[list[float], list[float]],
    share: float,
) -> None:
    if min(len(first[0]), len(second[0])) > 1:
        check(exact, Atoms(*first) @ Atoms(*second), exact.product_of(first, second), share)  # type: ignore[arg-type]


@given(atoms=few_atoms(signed=True), exponent=st.floats(-3, 1.5), share=st.floats(1e-6, 1 - 1e-6))
@quick
def test_random_powers_of_atoms(
    exact: SimpleNamespace, atoms: tuple[list[float], list[float]], exponent: float, share: float
) -> None:
    k = 1 + 10.0**exponent
    if len(atoms[0]) > 1:
        check(exact, FreeAdditivePower(Atoms(*atoms), k), exact.power_of(*atoms, k), share)


def test_a_gap_that_is_narrow_beside_the_width_of_the_law_and_wide_beside_its_own_place(exact: SimpleNamespace) -> None:
    """An atom of mass 1/128 and the bulk next to it, 1e-7 apart in a law that reaches to 700: 2e-5 of their place."""
    first = [2.0**-8, 0.5, 256.0], [0.375, 0.3125, 0.3125]
    second = [2.0, 3.0], [81 / 128, 47 / 128]
    law = Atoms(*first) @ Atoms(*second)
    ((place, mass),) = law.atoms()
    left = law.support()[0][0]
    assert (place, mass) == (2.0**-7, 1 / 128)
    assert 1e-9 < left - place < 1e-4 * place
    x = place + (left - place) * np.array([0.1, 0.5, 0.999])
    reference = exact.product_of(first, second)
    assert np.all(law.density(x) == 0)
    assert exact.relative_errors(law.stieltjes(x), [reference.transform(p) for p in x]).max() < 1e-10
    inside = left + (left - place) * np.array([1e-6, 1e-3, 1.0])
    assert exact.relative_errors(law.density(inside), [reference.density(p) for p in inside]).max() < 1e-12


@pytest.mark.parametrize("x", [1e-60, 2e-25, 1e-17, 1.7e-13, 2e-10, 1e-3])
def test_both_parts_of_the_transform_next_to_a_hard_edge(x: float) -> None:
    """m = -1/2 + i sqrt(1/x - 1/4) for Marchenko and Pastur at ratio 1."""
    for law in (MarchenkoPastur(1), 0.5 * (Atoms([2.0]) @ MarchenkoPastur(1))):
        m = complex(law.stieltjes(x, side="above"))
        assert m.imag == pytest.approx(math.sqrt(1 / x - 0.25), rel=1e-14, abs=0)
        assert m.real == pytest.approx(-0.5, rel=1e-12, abs=0)


def test_no_bulk_beside_an_atom_where_a_whole_branch_is_narrow() -> None:
    """Each of three bulks, of n = 1/1024 of the eigenvalues; next to the smallest atom there is none."""
    law = Atoms([2.0**-8, 24.0, 2.0**14], [2 / 1024, 937 / 1024, 85 / 1024]) @ Atoms(
        [2.0**-9, 2.0**-6], [1 / 1024, 1023 / 1024]
    )
    assert [mass for _, mass in law.atoms()] == [1 / 1024, 936 / 1024, 84 / 1024]
    assert len(law.support()) == 3
    assert law.masses() == pytest.approx(np.full(3, 1 / 1024), rel=1e-10)
    assert law.support()[0][1] < law.atoms()[0][0] < law.support()[1][0]
