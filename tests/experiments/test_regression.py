"""The laboratory: draws have the moments they should, fits solve the problem they state, risks are exact."""

from __future__ import annotations

import numpy as np
import pytest

from rmtcollapse import Spectrum
from rmtcollapse.experiments.regression import Design, Target

EPS = float(np.finfo(float).eps)
LAW = Spectrum([4.0, 1.0, 0.25], signal=[1.0, 0.0, 6.0], multiplicities=[1, 2, 3])


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def design(samples: int, dimension: int = 6, seed: int = 0) -> Design:
    return Design.draw(np.linspace(0.5, 2.0, dimension), samples, rng(seed))


# ---- draws -------------------------------------------------------------------------------------------------------


def test_targets_have_exact_squares_and_fair_signs() -> None:
    targets = [Target.draw(LAW, rng(k)) for k in range(400)]
    for target in targets:
        np.testing.assert_array_equal(target.eigenvalues, [4.0, 1.0, 1.0, 0.25, 0.25, 0.25])
        np.testing.assert_allclose(target.coefficients**2, [1.0, 0.0, 0.0, 2.0, 2.0, 2.0], rtol=4 * EPS)
    signs = np.sign([t.coefficients[[0, 3, 4, 5]] for t in targets])
    # Means and correlations of 400 fair independent signs.
    assert np.all(abs(signs.mean(axis=0)) < 4 / 20)
    assert np.all(abs((signs.T @ signs / 400)[np.triu_indices(4, 1)]) < 4 / 20)


def test_energy_and_risk_are_quadratic_forms_in_the_population_covariance() -> None:
    target = Target.draw(LAW, rng())
    vector = rng(1).standard_normal(6)
    covariance = np.diag(target.eigenvalues)
    assert target.energy(vector) == pytest.approx(vector @ covariance @ vector, rel=8 * EPS)
    difference = vector - target.coefficients
    assert target.risk(vector) == pytest.approx(difference @ covariance @ difference, rel=8 * EPS)
    assert target.risk(target.coefficients) == 0.0


def test_rows_have_the_population_covariance() -> None:
    eigenvalues = np.array([4.0, 1.0, 0.25, 0.0])
    rows = Design.draw(eigenvalues, 20_000, rng()).rows
    assert rows.shape == (20_000, 4)
    second = rows.T @ rows / 20_000
    scale = np.sqrt(np.outer(eigenvalues, eigenvalues))
    # A sample second moment has variance (1 + [i = j]) s_i s_j / n.
    assert np.all(abs(second - np.diag(eigenvalues)) <= 4 * np.sqrt(2 / 20_000) * scale)
    assert np.all(rows[:, 3] == 0)


def test_labels_are_noise_free() -> None:
    lab, w = design(5), rng(1).standard_normal((6, 2))
    np.testing.assert_array_equal(lab.labels(w), lab.rows @ w)
    assert lab.labels(w[:, 0]).shape == (5,)


# ---- fits --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("samples", [3, 6, 20])
@pytest.mark.parametrize("ridge", [1e-3, 0.2, 50.0])
def test_a_ridge_fit_minimises_its_objective(samples: int, ridge: float) -> None:
    lab, labels = design(samples), rng(1).standard_normal(samples)
    # (1/n)|Xw - y|^2 + ridge |w|^2 as an ordinary least-squares problem with d more rows.
    stacked = np.vstack([lab.rows / np.sqrt(samples), np.sqrt(ridge) * np.eye(6)])
    expected = np.linalg.lstsq(stacked, np.concatenate([labels / np.sqrt(samples), np.zeros(6)]), rcond=None)[0]
    found = lab.fitter(ridge)(labels)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e3 * EPS * np.linalg.norm(expected) / min(ridge, 1))
    normal = lab.rows.T @ lab.rows / samples + ridge * np.eye(6)
    direct = np.linalg.solve(normal, lab.rows.T @ labels / samples)
    np.testing.assert_allclose(found, direct, rtol=0, atol=1e3 * EPS * np.linalg.norm(direct) / min(ridge, 1))


@pytest.mark.parametrize("samples", [3, 6, 20])
def test_a_ridgeless_fit_is_least_squares_of_minimum_norm(samples: int) -> None:
    lab, labels = design(samples), rng(1).standard_normal(samples)
    found = lab.fitter(0.0)(labels)
    expected = np.linalg.pinv(lab.rows) @ labels
    condition = np.linalg.cond(lab.rows)
    np.testing.assert_allclose(found, expected, rtol=0, atol=64 * EPS * condition**2 * np.linalg.norm(expected))
    # The residual is orthogonal to the features, the fit to the null space of the rows.
    residual = labels - lab.rows @ found
    assert np.linalg.norm(lab.rows.T @ residual) <= 64 * EPS * condition * np.linalg.norm(lab.rows) * np.linalg.norm(
        labels
    )
    if samples < 6:
        null = np.linalg.svd(lab.rows)[2][samples:]
        assert np.linalg.norm(null @ found) <= 64 * EPS * condition * np.linalg.norm(found)
        assert np.linalg.norm(residual) <= 64 * EPS * condition * np.linalg.norm(labels)


def test_a_vanishing_ridge_approaches_the_minimum_norm() -> None:
    for samples in (3, 20):
        lab, labels = design(samples), rng(1).standard_normal(samples)
        smallest = np.linalg.svd(lab.rows, compute_uv=False)[-1] ** 2 / samples
        limit = lab.fitter(0.0)(labels)
        gap = np.linalg.norm(lab.fitter(1e-6)(labels) - limit) / np.linalg.norm(limit)
        assert 0 < gap <= 1e-6 / smallest


@pytest.mark.parametrize("ridge", [0.0, 0.3])
@pytest.mark.parametrize("samples", [3, 20])
def test_columns_of_labels_are_fitted_one_by_one(samples: int, ridge: float) -> None:
    lab, labels = design(samples), rng(1).standard_normal((samples, 3))
    fit = lab.fitter(ridge)
    together = fit(labels)
    assert together.shape == (6, 3)
    for k in range(3):
        np.testing.assert_allclose(together[:, k], fit(labels[:, k]), rtol=0, atol=64 * EPS * abs(together).max())


def test_directions_without_variance_get_no_coefficient() -> None:
    lab = Design.draw(np.array([1.0, 0.0, 2.0]), 10, rng())
    for ridge in (0.0, 0.1):
        assert lab.fitter(ridge)(rng(1).standard_normal(10))[1] == 0.0


# ---- effective ridge ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("samples", "ridge"), [(3, 0.0), (3, 0.1), (6, 0.1), (20, 0.1), (20, 1e-9)])
def test_effective_ridge_is_a_reciprocal_trace(samples: int, ridge: float) -> None:
    lab = design(samples)
    inverse = np.linalg.inv(lab.rows @ lab.rows.T / samples + ridge * np.eye(samples))
    expected = samples / np.trace(inverse)
    condition = np.linalg.cond(lab.rows @ lab.rows.T / samples + ridge * np.eye(samples))
    assert lab.effective_ridge(ridge) == pytest.approx(expected, rel=64 * EPS * condition)


def test_effective_ridge_is_zero_where_all_directions_are_seen() -> None:
    assert design(20).effective_ridge(0.0) == 0.0
    # A direction without variance is no direction.
    assert Design.draw(np.array([1.0, 0.0, 0.0, 0.0]), 2, rng()).effective_ridge(0.0) == 0.0


def test_effective_ridge_converges_to_the_population_equation() -> None:
    s, samples, ridge = np.repeat([2.0, 0.5], 80), 120, 0.1
    measured = [Design.draw(s, samples, rng(k)).effective_ridge(ridge) for k in range(10)]
    kappa = float(np.mean(measured))
    defect = kappa * (1 - np.sum(s / (s + kappa)) / samples) / ridge - 1
    # Linear statistics of a sample covariance fluctuate as 1/n; the mean is off by O(1/n).
    assert abs(defect) < 5 / samples
    assert np.std(measured) < 5 / samples * kappa


# ---- shifted targets, projections, any covariance ----------------------------------------------------------------


def test_a_shift_has_exact_squares_and_signs_of_its_own() -> None:
    law = LAW.with_target_shift([2.0, 4.0, 0.0])
    pairs = []
    for k in range(400):
        target = Target.draw(law, rng(k))
        shift = target.shifted(law, rng(1000 + k)).coefficients - target.coefficients
        np.testing.assert_allclose(shift**2, [2.0, 2.0, 2.0, 0.0, 0.0, 0.0], rtol=64 * EPS, atol=64 * EPS)
        pairs.append(np.sign([target.coefficients[0], *shift[:3]]))
    correlation = np.array(pairs).T @ np.array(pairs) / 400
    assert np.all(abs(correlation[np.triu_indices(4, 1)]) < 4 / 20)


@pytest.mark.parametrize("ridge", [0.0, 0.3])
@pytest.mark.parametrize("width", [2, 6, 9])
@pytest.mark.parametrize("samples", [4, 20])
def test_a_projected_fit_is_the_fit_on_the_features(samples: int, width: int, ridge: float) -> None:
    """Written out: least squares on X S with a penalty on v, through the pseudo-inverse."""
    lab, projection = design(samples), rng(1).standard_normal((6, width))
    labels = rng(2).standard_normal((samples, 2))
    features = lab.rows @ projection
    gram = features.T @ features / samples + ridge * np.eye(width)
    inverse = np.linalg.inv(gram) if ridge else np.linalg.pinv(gram, rcond=1e-10, hermitian=True)
    expected = projection @ inverse @ features.T @ labels / samples
    np.testing.assert_allclose(lab.projected(projection, ridge)(labels), expected, rtol=1e-8, atol=1e-8)
    alone = lab.projected(projection, ridge)(labels[:, 0])
    np.testing.assert_allclose(alone, expected[:, 0], rtol=1e-8, atol=1e-8)


def test_a_wide_projected_fit_does_not_depend_on_a_numerical_rank() -> None:
    """Eigenvalues over twelve decades: features that are nearly dependent are still features."""
    lab, projection = Design.draw(np.logspace(0, -12, 20), 60, rng()), rng(1).standard_normal((20, 50))
    truth = np.ones(20)
    np.testing.assert_allclose(lab.projected(projection, 0.0)(lab.labels(truth)), truth, rtol=1e-5)


def test_a_projected_fit_leaves_out_what_is_never_seen() -> None:
    lab = Design.draw(np.array([1.0, 0.0, 2.0]), 10, rng())
    found = lab.projected(rng(1).standard_normal((3, 5)), 0.0)(lab.labels(np.array([1.0, 7.0, -2.0])))
    np.testing.assert_allclose(found, [1.0, 0.0, -2.0], atol=1e-12)


def test_shrinkage_is_the_ridge_of_a_fit_on_the_population() -> None:
    s, kappa = np.array([4.0, 1.0, 0.25]), 0.7
    lab = Design(np.diag(np.sqrt(3 * s)))  # its second moment is the population's
    assert lab.shrinkage(lab.fitter(kappa), s) == pytest.approx(kappa, rel=1e-13)
    assert abs(lab.shrinkage(lab.fitter(0.0), s)) < 1e-14


def test_correlated_rows_have_their_covariance() -> None:
    covariance = np.array([[2.0, 0.8, 0.0], [0.8, 1.0, 0.0], [0.0, 0.0, 0.0]])
    rows = Design.correlated(covariance, 20_000, rng()).rows
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)) + covariance**2)
    assert np.all(abs(rows.T @ rows / 20_000 - covariance) <= 4 / np.sqrt(20_000) * scale + 1e-12)
