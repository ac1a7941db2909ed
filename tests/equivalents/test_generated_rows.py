"""Generated rows: weights against their law, the exact generator as a limit, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from rmtcollapse import ConvergenceError
from rmtcollapse.equivalents.generated_rows import generated_rows_system
from rmtcollapse.equivalents.generated_rows_solver import GeneratedRows
from rmtcollapse.equivalents.generated_rows_weights import GeneratedWeights
from rmtcollapse.equivalents.groups_solver import Classifier, Group, ScoredClass
from rmtcollapse.models._classifier_values import classifier_theory, compiled_equivalent, stated_theory

NAMES = ["accuracy", "risk", "score_mean", "score_variance"]


def average(load: float, function: object) -> float:
    """Over the eigenvalues of Z Z^T divided by the columns of Z, of which there are 1/load for each row."""
    low, high = (1 - load**0.5) ** 2, (1 + load**0.5) ** 2

    def integrand(angle: float) -> float:
        s = (low + high) / 2 + (high - low) / 2 * np.sin(angle)
        return function(s) * ((high - low) / 2 * np.cos(angle)) ** 2 / (2 * np.pi * load * s)  # type: ignore[operator]

    return float(quad(integrand, -np.pi / 2, np.pi / 2, epsabs=1e-14, epsrel=1e-13)[0])


@pytest.mark.parametrize("load", [0.02, 0.6, 1.7, 30.0])
@pytest.mark.parametrize(("ridge", "trace"), [(0.3, 0.8), (1e-3, 2.0), (50.0, 0.1)])
def test_weights_follow_the_marchenko_pastur_law(load: float, ridge: float, trace: float) -> None:
    law, t = GeneratedWeights(np.array([load])), np.array([trace])
    found, null = law.kernels(ridge, t), max(0.0, 1 - 1 / load)
    expected = {
        "mean": average(load, lambda s: s / (ridge + s * trace)),
        "square": average(load, lambda s: (s / (ridge + s * trace)) ** 2),
        "slack": average(load, lambda s: ridge * s / (ridge + s * trace) ** 2),
        "unlearned": average(load, lambda s: ridge / (ridge + s * trace)),
    }
    for name, value in expected.items():
        assert getattr(found, name)[0] == pytest.approx(value, rel=1e-10), name
    assert law.seen[0] == pytest.approx(1 - null)
    assert law.gains(ridge, t)[0] == pytest.approx(expected["slack"] / ridge, rel=1e-10)
    u, omega = law.pair(ridge, t)
    assert 1 / u[0] == pytest.approx((expected["unlearned"] + null) / ridge, rel=1e-10)
    assert omega[0] == pytest.approx(expected["unlearned"] + null, rel=1e-10)


@pytest.mark.parametrize("load", [0.0, 0.4, 1.0, 2.5])
def test_weights_without_a_ridge_are_limits(load: float) -> None:
    law, t = GeneratedWeights(np.array([load])), np.array([0.7])
    found, near = law.kernels(0.0, t), law.kernels(1e-14, t)
    for name in ("mean", "square", "slack", "unlearned"):
        assert getattr(found, name)[0] == pytest.approx(getattr(near, name)[0], rel=1e-5, abs=1e-5), name
    # The gain of an error of the targets diverges where as many rows are generated.
    with np.errstate(divide="ignore"):
        assert np.isinf(law.gains(0.0, t)[0]) == (load == 1)


def rows(real: float, generator: float, ridge: float) -> GeneratedRows:
    return GeneratedRows(
        np.array([real, 70.0]), (np.array([1.0, 1.0]), np.array([1.0, 0.5])), np.array([[1.2], [0.9]]), 0.6, 0.64,
        generator, False, np.array([[1.0], [0.0]]), 200.0, ridge, np.array([1.0, 49.0]),
    )  # fmt: skip


@pytest.mark.parametrize("real", [0.0, 30.0])
@pytest.mark.parametrize("ridge", [0.0, 0.05])
def test_an_infinite_sample_gives_two_groups(real: float, ridge: float) -> None:
    given = rows(real, np.inf, ridge)
    module = compiled_equivalent(f"test {real > 0}", lambda: generated_rows_system(real=real > 0)).numpy
    found = stated_theory(module, given, NAMES)
    first, second = given.covariances
    groups = [Group(real, first, given.means[0], 1.0), Group(70.0, second, given.means[1], 0.6, 0.64)]
    exact = classifier_theory(
        Classifier(groups, [ScoredClass(first, given.means[0])], given.basis, 200.0, ridge,
                   multiplicity=given.multiplicity),
        NAMES,
    )  # fmt: skip
    for name in NAMES:
        assert found[name] == pytest.approx(exact[name], rel=1e-13), name
    assert found.regimes == exact.regimes


def test_a_mean_without_a_variance_needs_a_ridge() -> None:
    covariance, mean = np.array([1.0, 0.0]), np.array([[1.0], [1.0]])
    group = Group(100.0, covariance, np.ones(1), 1.0)
    for ridge in (0.0, 1e-3):
        classifier = Classifier([group], [ScoredClass(covariance, np.ones(1))], mean, 100.0, ridge)
        if ridge:
            assert classifier_theory(classifier, NAMES)["accuracy"] > 0.99
        else:
            with pytest.raises(ConvergenceError, match="give a ridge"):
                classifier_theory(classifier, NAMES)
