"""The nested matrix-tensor model: verified values, thresholds, limits, the equations solved another way,
experiments."""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rmtcollapse import ParameterError, simulate, verify
from rmtcollapse.experiments.tensors import draw_nested, rank_one, signs, unfolded
from rmtcollapse.models import NestedMatrixTensor, SpikedMatrix, SpikedTensor
from rmtcollapse.spectra import MarchenkoPastur

BENCHMARK = (150, 300, 60)
ESTIMATORS = ("known-weights", "tensor", "unfolding")


def nested(
    sizes: Any = BENCHMARK, M: float = 2.0, T: float = 1.5, *, mode: int = 2, **given: Any
) -> NestedMatrixTensor:
    estimand = ("direction", "labels", "weights")[mode - 1]
    return NestedMatrixTensor(sizes=sizes, matrix_strength=M, tensor_strength=T, estimand=estimand, **given)


def strength(sizes: Any, rho: float) -> float:
    """The tensor strength at a given one in units of the unfolding's noise."""
    return math.sqrt(rho * math.sqrt(math.prod(sizes)) / sum(sizes))


# ---- verified values -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "rho", "M", "how", "name", "expected"),
    [
        (BENCHMARK, 2.0, 1.5, {"mode": 1}, "alignment", 0.7757589235731966),
        (BENCHMARK, 1.2, 2.0, {"mode": 1}, "alignment", 0.8551559927975688),
        (BENCHMARK, 2.0, 1.5, {"mode": 3}, "singular_value", math.sqrt(747.2467138807116)),
        (BENCHMARK, 1.2, 2.0, {"mode": 3}, "singular_value", math.sqrt(490.4715528187579)),
        (BENCHMARK, 2.0, 1.5, {"mode": 3}, "alignment", 0.999797567623805),
        ((300, 200, 100), 2.0, 1.5, {"mode": 3}, "alignment", 0.9998163300192191),
        ((300, 200, 100), 2.0, 1.5, {}, "alignment", 0.7585593366113889),
        ((300, 200, 100), 2.0, 1.5, {}, "accuracy", 0.961845328473485),
        ((300, 200, 100), 2.0, 1.5, {"size_corrected": False}, "alignment", 0.778578737257378),
        (BENCHMARK, 1.2, 2.0, {"size_corrected": False}, "alignment", 0.8179057337220603),
        ((600, 400, 200), 2.0, 1.5, {}, "singular_value", math.sqrt(140.361)),
        ((600, 400, 200), 2.0, 1.5, {"size_corrected": False}, "singular_value", math.sqrt(139.849)),
    ],
)
def test_verified_unfoldings(sizes: Any, rho: float, M: float, how: dict[str, Any], name: str, expected: float) -> None:
    found = nested(sizes, M, strength(sizes, rho), **how).theory()
    # The spectrum's values are known to six digits.
    assert found[name] == pytest.approx(expected, rel=4e-6 if sizes[0] == 600 else 2e-13)


@pytest.mark.parametrize(
    ("sizes", "M", "T", "mode", "name", "expected"),
    [
        (BENCHMARK, 1.5, 1.5, 2, "singular_value", 2.9598726134056026),
        (BENCHMARK, 1.5, 1.5, 1, "alignment", 0.8701209203923747**2),
        (BENCHMARK, 1.5, 1.5, 3, "alignment", 0.9910776955501385**2),
        (BENCHMARK, 3.0, 0.5, 2, "singular_value", 1.9181545220003478),
        (BENCHMARK, 3.0, 0.5, 1, "alignment", 0.8922639094334562**2),
        (BENCHMARK, 3.0, 0.5, 3, "alignment", 0.9657452884685899**2),
        (BENCHMARK, 3.0, 0.5, 2, "accuracy", 0.9330420094303578),
        ((150, 250, 100), 1.3, 1.0, 2, "singular_value", 2.0561882591177327),
        ((150, 250, 100), 0.6, 1.0, 3, "alignment", 0.9132180280279989**2),
        ((30, 50, 20), 1.5, 300.0, 2, "alignment", 0.7463747251975742),
    ],
)
def test_verified_tensors(sizes: Any, M: float, T: float, mode: int, name: str, expected: float) -> None:
    found = nested(sizes, M, T, estimator="tensor", mode=mode).theory()
    # The last two were found by an iteration that stopped at about 1e-9.
    assert found[name] == pytest.approx(expected, rel=1e-12 if T < 300 and M != 0.6 else 1e-9)


def test_verified_mean() -> None:
    assert nested(M=3.0, T=0.5, estimator="known-weights").theory()["alignment"] == pytest.approx(
        0.7066322632007308, rel=1e-14
    )


@pytest.mark.parametrize(
    ("T", "M", "expected"),
    [
        (0.5, 1, (0.5, 0.5, 0.5, 0.5)),
        (0.5, 2, (0.7965, 0.7162, 0.5, 0.5)),
        (0.5, 3, (0.9397, 0.9330, 0.5, 0.5)),
        (0.5, 4, (0.9854, 0.9841, 0.7594, 0.7857)),
        (0.5, 5, (0.9973, 0.9971, 0.9203, 0.9491)),
        (1.5, 1, (0.7413, 0.7387, 0.5, 0.5620)),
        (1.5, 2, (0.9737, 0.9735, 0.9432, 0.9642)),
        (1.5, 3, (0.9988, 0.9988, 0.9969, 0.9992)),
    ],
)
def test_published_benchmark(T: float, M: float, expected: tuple[float, ...]) -> None:
    models = [nested(M=M, T=T, estimator=e) for e in ESTIMATORS] + [nested(M=M, T=T, size_corrected=False)]
    for model, accuracy in zip(models, expected, strict=True):
        assert model.theory()["accuracy"] == pytest.approx(accuracy, abs=5.1e-5)


@pytest.mark.parametrize(
    ("T", "least", "kind"),
    [
        (0.3, 3.656252, "discontinuous"),
        (0.5, 2.094627854118963, "discontinuous"),
        (0.8, 1.165755, "continuous"),
        (1.0, 0.973923864401, "continuous"),
        (1.5, 0.816679, "continuous"),
        (4.0, 0.713085, "continuous"),
    ],
)
def test_thresholds_of_the_tensor(T: float, least: float, kind: str) -> None:
    model = nested((30, 50, 20), 1.0, T, estimator="tensor")
    assert model.threshold() == pytest.approx(least, abs=6e-7)
    assert model.transition() == kind
    above, below = (model.evolve(matrix_strength=model.threshold() * (1 + x)).theory() for x in (1e-6, -1e-6))
    assert (above["detectable"], below["detectable"]) == (1, 0)
    assert below["alignment"] == 0
    assert (above["alignment"] > 0.05) == (kind == "discontinuous")


# ---- the same numbers another way ------------------------------------------------------------------------------------


def iterated(sizes: Any, M: float, T: float) -> dict[str, float]:
    """The tensor equations in their published form, by mpmath from rough values."""
    with mp.workdps(40):
        c1, c2, c3 = (mp.mpf(n) / sum(sizes) for n in sizes)

        def overlaps(g1: Any, g2: Any, g3: Any, gamma: Any) -> list[Any]:
            noisy = 1 + gamma
            return [mp.sqrt(1 - noisy * g1**2 / c1), mp.sqrt(1 - noisy * g2**2 / c2), mp.sqrt(1 - g3**2 / c3)]

        def defects(g1: Any, g2: Any, g3: Any, lam: Any, gamma: Any) -> list[Any]:
            q = overlaps(g1, g2, g3, gamma)
            return [
                g1 * (-(1 + gamma) * g2 - g3 - lam) - c1,
                g2 * (-(1 + gamma) * g1 - g3 - lam) - c2,
                g3 * (-g1 - g2 - lam) - c3,
                lam + (1 + gamma) * (g1 + g2) + g3 - T * M * q[0] * q[1] * q[2],
                gamma - T**2 * q[2] ** 2 / (c1 + c2),
            ]

        gamma = mp.mpf(T) ** 2 / (c1 + c2)
        lam = T * mp.sqrt(M**2 + 1) + 1 / mp.mpf(T)
        start = [-c1 / lam, -c2 / lam, -c3 / lam, lam, gamma]
        *g, lam, gamma = mp.findroot(defects, start, tol=1e-60, maxsteps=200)
        q = overlaps(*g, gamma)
        return {"singular_value": float(lam), **{f"overlap_{i}": float(x) for i, x in enumerate(q, 1)}}


@pytest.mark.parametrize(
    ("sizes", "M", "T"),
    [((3, 5, 2), 3.0, 2.0), ((10, 1, 4), 2.5, 3.0), ((150, 300, 60), 4.0, 1.0), ((1, 9, 90), 5.0, 4.0)],
)
def test_the_tensor_equations_in_their_published_form(sizes: Any, M: float, T: float) -> None:
    found = nested(sizes, M, T, estimator="tensor").theory()
    for name, expected in iterated(sizes, M, T).items():
        assert found[name] == pytest.approx(expected, rel=4e-16), name


def unfolding_by_hand(sizes: Any, M: float, T: float) -> tuple[float, float]:
    """Largest eigenvalue and alignment of signal plus noise at the actual sizes, in plain formulas of mpmath."""
    with mp.workdps(60):
        n1, n2, n3 = map(mp.mpf, sizes)
        S, v, b = mp.mpf(T) ** 2, 1 / (n1 + n2 + n3), mp.mpf(M) ** 2
        c1, c2 = n1 / (n1 + n2), n2 / (n1 + n2)
        a1, a2 = c1 + b, c2 + b
        w, first = S * a1 * a2 / b, (b**2 - c1 * c2) / (b * a2)
        m, dm = -1 / (S * a2), b**2 / (S**2 * a2**2 * (b**2 - c1 * c2))
        h, dh, rest = 1 - v * n2 * m, -v * n2 * dm, v * (n1 * n3 - n2)
        return float(w * h**2 + rest * h), float(first * (h + 2 * w * dh + rest * dh / h))


numbers = st.floats(0.05, 20)
small = st.tuples(*[st.integers(1, 10**5)] * 3)


@given(small, st.floats(0.3, 50), st.floats(0.3, 50))
@settings(max_examples=80, deadline=None)
def test_unfoldings_by_hand(sizes: tuple[int, ...], M: float, T: float) -> None:
    found = nested(sizes, M, T).theory()
    c1, c2 = sizes[0] / (sizes[0] + sizes[1]), sizes[1] / (sizes[0] + sizes[1])
    place, alignment = unfolding_by_hand(sizes, M, T) if c1 * c2 * (1 + 1e-9) < M**4 else (0.0, -1.0)
    assert found["detectable"] == (alignment > 0)
    if alignment > 0:
        assert found["alignment"] == pytest.approx(alignment, rel=1e-15)
        assert found["singular_value"] == pytest.approx(math.sqrt(place), rel=1e-15)
        # The correction vanishes against the limit like the inverse root of the sizes.
        limit = nested(sizes, M, T, size_corrected=False).theory()["alignment"]
        assert abs(limit - alignment) < 40 / math.sqrt(min(math.prod(sizes) / sizes[1], *sizes))


@pytest.mark.parametrize("corrected", [True, False])
@pytest.mark.parametrize("mode", [1, 2, 3])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_at_the_threshold(estimator: str, mode: int, corrected: bool) -> None:
    if (estimator, mode) == ("known-weights", 3):
        pytest.skip("the weights are known")
    model = nested(T=0.05 if mode == 3 else 1.5, estimator=estimator, mode=mode, size_corrected=corrected)
    threshold = model.threshold()
    assert threshold > 0
    at = [model.evolve(matrix_strength=threshold * (1 + x)).theory() for x in (-1e-9, 1e-9)]
    assert [found["detectable"] for found in at] == [0, 1]
    if (estimator, mode) == ("tensor", 3):  # a jump, from the edge of noise alone
        noise = SpikedTensor(sizes=BENCHMARK, strength=0.0).theory()["singular_value"]
        assert at[0]["singular_value"] == pytest.approx(noise, rel=1e-15)
        assert at[1]["singular_value"] > 1.0004 * noise
    else:
        assert at[0]["singular_value"] == pytest.approx(at[1]["singular_value"], rel=1e-8)
    assert at[0]["accuracy"] == 0.5
    jumps = estimator == "tensor" and model.transition() == "discontinuous"
    assert (at[1]["alignment"] > 1e-4) == jumps
    far = model.evolve(matrix_strength=0.0).theory()
    assert far["alignment"] == 0
    # Below the threshold only noise is left; its edge does not depend on the clusters.
    assert far["singular_value"] == at[0]["singular_value"]


@pytest.mark.parametrize("mode", [1, 2, 3])
def test_other_sizes_are_as_difficult(mode: int) -> None:
    for estimator in ESTIMATORS[: 3 if mode < 3 else 2]:
        if (estimator, mode) != ("known-weights", 3):
            model = nested(M=1.4, T=1.5, estimator=estimator, mode=mode, size_corrected=False)
            alignments = [m.theory()["alignment"] for m in (model, model.resized(4))]
            assert alignments[0] > 0.05
            assert alignments[1] == pytest.approx(alignments[0], rel=1e-13)
    weights = nested(M=0.0, T=0.09, mode=3, size_corrected=False)
    alignments = [m.theory()["alignment"] for m in (weights, weights.resized(4))]
    assert alignments[1] == pytest.approx(alignments[0], rel=1e-13)


# ---- limits and order ------------------------------------------------------------------------------------------------


@given(small, numbers)
@settings(max_examples=25, deadline=None)
def test_without_noise_in_the_tensor_it_is_a_spiked_matrix(sizes: tuple[int, ...], M: float) -> None:
    matrix = SpikedMatrix(sizes=sizes[:2], strength=M)
    if abs(M / matrix.threshold() - 1) < 1e-6:
        return
    expected = matrix.theory()["alignment"]
    for estimator in ("tensor", "known-weights"):
        for mode in (1, 2):
            found = nested(sizes, M, 1e12, estimator=estimator, mode=mode).theory()
            assert found["alignment"] == pytest.approx(expected[mode - 1], rel=1e-11)


@given(small, numbers)
@settings(max_examples=25, deadline=None)
def test_without_noise_in_the_matrix_it_is_a_spiked_tensor(sizes: tuple[int, ...], M: float) -> None:
    T = 1e-14
    tensor = SpikedTensor(sizes=sizes, strength=M)
    if abs(M / tensor.threshold() - 1) < 1e-6:
        return
    expected = tensor.theory()
    for mode in (1, 2, 3):
        found = nested(sizes, M / T, T, estimator="tensor", mode=mode).theory()
        assert found["alignment"] == pytest.approx(expected["alignment"][mode - 1], rel=1e-11)
        assert found["singular_value"] == pytest.approx(expected["singular_value"], rel=1e-12)


@given(st.tuples(*[st.integers(20, 10**4)] * 3), numbers, numbers)
@settings(max_examples=60, deadline=None)
def test_known_weights_beat_the_tensor_and_the_tensor_beats_the_unfolding(
    sizes: tuple[int, ...], M: float, T: float
) -> None:
    known, tensor, unfolding = (nested(sizes, M, T, estimator=e).theory()["alignment"] for e in ESTIMATORS)
    assert known * (1 + 1e-14) >= tensor
    assert tensor * (1 + 1e-14) >= unfolding


@given(st.tuples(*[st.integers(1, 10**6)] * 3), st.floats(0, 1e8), st.floats(0, 1e8), st.sampled_from(ESTIMATORS),
       st.sampled_from([1, 2, 3]), st.booleans())  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_the_theory_never_fails(
    sizes: tuple[int, ...], M: float, T: float, estimator: str, mode: int, corrected: bool
) -> None:
    if estimator == "known-weights":
        mode = min(mode, 2)
    check(nested(sizes, M, T, estimator=estimator, mode=mode, size_corrected=corrected))


@pytest.mark.slow
def test_a_thousand_random_settings() -> None:
    """Half of them next to the threshold, to all distances that floating point knows."""
    rng = np.random.default_rng(5)
    for k in range(1000):
        estimator = ESTIMATORS[k % 3]
        strengths = 10 ** rng.uniform(-6, 6, 2)
        model = nested(
            np.round(10 ** rng.uniform(0, 6, 3)), *strengths, estimator=estimator,
            mode=int(rng.integers(1, 3 if estimator == "known-weights" else 4)), size_corrected=bool(k % 7),
        )  # fmt: skip
        threshold = model.threshold()
        if k % 2 and 0 < threshold < 1e300:
            distance = rng.choice([-1, 1]) * 10 ** rng.uniform(-15, 0)
            model = model.evolve(matrix_strength=max(threshold * (1 + distance), 0.0))
        check(model)


def check(model: NestedMatrixTensor) -> None:
    found = model.theory()
    assert 0 <= found["alignment"] <= 1
    assert 0.5 <= found["accuracy"] <= 1
    assert found["singular_value"] > 0
    assert (found["alignment"] > 0) == found["detectable"]
    assert found.residual < 1e-37
    threshold = model.threshold()
    assert found["detectable"] == (model.matrix_strength > threshold or threshold == 0)


@pytest.mark.parametrize("T", [0.0, 1e-300, 1e-20, 1e20, 1e150])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_extreme_strengths(estimator: str, T: float) -> None:
    for M in (0.0, 1e-150, 1.0, 1e150):
        check(nested((30, 50, 20), M, T, estimator=estimator))
    if T == 0:
        assert nested((30, 50, 20), 1.0, T, estimator=estimator).threshold() == math.inf


def test_a_value_beyond_floating_point_is_infinite_and_says_so() -> None:
    found = nested(M=1e200, T=1e200, estimator="tensor").theory()
    assert found["singular_value"] == math.inf
    assert "range of double precision" in found.status
    assert found["alignment"] == found["accuracy"] == 1


# ---- the bulk --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [1, 2])
@pytest.mark.parametrize("T", [0.3, 1.5, 4.0])
def test_the_bulk_is_the_root_of_the_published_cubic(mode: int, T: float) -> None:
    sizes = (600, 400, 200)
    model = nested(sizes, 1.0, T, mode=mode)
    own, other = (sizes[0], sizes[1]) if mode == 1 else (sizes[1], sizes[0])
    rho, c, d = T**2 * sum(sizes) / math.sqrt(math.prod(sizes)), own / 1000, other / 1000
    x = np.linspace(-2.5, 8, 40)
    expected = []
    for z in x:
        roots = np.roots([rho * c, 1 + z * rho * c, z + rho * (c - d), 1])
        expected.append(max(0.0, roots.imag.max()) / math.pi)
    np.testing.assert_allclose(model.density(x), expected, atol=1e-7)


def test_the_bulk_of_finite_unfoldings() -> None:
    sizes = (150, 100, 50)
    rng, found = np.random.default_rng(1), []
    T = strength(sizes, 2.0)
    for _ in range(4):
        matrix = unfolded(draw_nested(sizes, 0.0, T, rng)[0], 1)
        unit = math.sqrt(math.prod(sizes)) / sum(sizes)
        found.append((np.linalg.eigvalsh(matrix @ matrix.T) - sizes[0] * sizes[2] / sum(sizes)) / unit)
    law = nested(sizes, 1.0, T).bulk()
    moments = [np.mean(np.concatenate(found) ** k) for k in (1, 2)]
    # Of order n^(-1/2).
    np.testing.assert_allclose(moments, law.moments(2), rtol=0.1)
    assert nested(sizes, 1.0, T, mode=3).density(0.0) == pytest.approx(1 / math.pi, rel=1e-14)
    assert nested(sizes, 1.0, 0.0).density(0.0) == pytest.approx(1 / math.pi, rel=1e-14)


@pytest.mark.parametrize("mode", [1, 2])
def test_the_bulk_at_the_actual_sizes(mode: int) -> None:
    sizes = (45, 30, 15)
    model = nested(sizes, 0.0, strength(sizes, 3.0), mode=mode)
    x = np.linspace(-4, 14, 1801)
    density = model.corrected_density(x)
    assert density.sum() * (x[1] - x[0]) == pytest.approx(1, abs=2e-4)
    rng = np.random.default_rng(2)
    found = np.array([model.draw_spectrum(rng) for _ in range(60)])
    assert found.min() > x[density > 0.01][0] - 0.3
    for power in (1, 2):
        moments = (found**power).mean(axis=1)
        error = moments.std(ddof=1) / math.sqrt(60)
        assert (density * x**power).sum() * (x[1] - x[0]) == pytest.approx(moments.mean(), abs=4 * error + 0.05)
    large = nested([n * 10**8 for n in sizes], 0.0, 1.0, mode=mode)
    large = large.evolve(tensor_strength=strength(large.sizes, 3.0))
    places = np.linspace(-1, 4, 9)
    np.testing.assert_allclose(large.corrected_density(places), large.density(places), rtol=1e-3)


def test_the_bulk_along_the_views_at_the_actual_sizes() -> None:
    model, rng = nested((9, 8, 40), 0.0, 0.0, mode=3), np.random.default_rng(2)
    x = np.linspace(-3, 4, 1401)
    density = model.corrected_density(x)
    found = np.array([model.draw_spectrum(rng) for _ in range(200)])
    for power in (1, 2, 3):
        moments = (found**power).mean(axis=1)
        error = moments.std(ddof=1) / math.sqrt(200)
        assert (density * x**power).sum() * (x[1] - x[0]) == pytest.approx(moments.mean(), abs=4 * error + 0.02)
    assert abs(model.density(x) - density).max() > 0.05  # the limit, a semicircle, is far


def test_the_bulk_of_noise_alone_is_that_of_marchenko_and_pastur() -> None:
    sizes = (6, 30, 20)
    wide, unit = 120.0, math.sqrt(3600.0)  # both without their factor 1/n_T
    x = np.linspace(-0.9, 2, 7)
    expected = unit / wide * MarchenkoPastur(30 / wide).density(1 + x * unit / wide)
    np.testing.assert_allclose(nested(sizes, 1.0, 0.0).corrected_density(x), expected, rtol=1e-9)


def test_the_edge_of_the_bulk_is_the_singular_value_below_the_threshold() -> None:
    for mode in (1, 2):
        model = nested((600, 400, 200), 0.0, 1.5, size_corrected=False, mode=mode)
        others = 600 * 400 * 200 / model.sizes[mode - 1]
        unit = math.sqrt(600 * 400 * 200)
        edge = (others + unit * model.bulk().support()[-1][1]) / 1200
        assert model.theory()["singular_value"] == pytest.approx(math.sqrt(edge), rel=1e-14)


# ---- experiments -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimator", "mode", "M", "T"),
    [
        ("unfolding", 2, 2.0, 1.5),
        ("unfolding", 3, 2.0, 1.0),
        ("tensor", 2, 2.0, 1.5),
        ("known-weights", 1, 2.0, 1.5),
        pytest.param("unfolding", 1, 2.0, 1.5, marks=pytest.mark.slow),
        pytest.param("tensor", 1, 3.0, 0.6, marks=pytest.mark.slow),
        pytest.param("tensor", 3, 2.5, 1.0, marks=pytest.mark.slow),
        pytest.param("known-weights", 2, 2.0, 1.5, marks=pytest.mark.slow),
    ],
)
def test_the_experiment_agrees(estimator: str, mode: int, M: float, T: float) -> None:
    model = nested((30, 60, 20), M, T, estimator=estimator, mode=mode)
    verdict = verify(model, trials=60, sizes=(1, 2), seed=5)
    assert verdict.passed, verdict.report


def test_the_limit_is_noticeably_wrong_at_these_sizes_and_the_corrected_form_is_not() -> None:
    model = nested((30, 60, 20), 1.5, 1.6)
    found = simulate(model, 200, seed=1)["alignment"]
    corrected, limit = model.theory()["alignment"], model.evolve(size_corrected=False).theory()["alignment"]
    assert abs(found.mean - corrected) < 4 * found.standard_error + 0.02 * corrected
    assert limit - found.mean > 8 * found.standard_error


@pytest.mark.parametrize("estimator", ["unfolding", "known-weights"])
def test_below_the_threshold_labels_are_guessed(estimator: str) -> None:
    model = nested((30, 60, 20), 0.4, 0.4, estimator=estimator)
    found = simulate(model, 300, seed=1)
    assert abs(found["accuracy"].mean - 0.5) < 4 * found["accuracy"].standard_error
    assert found["alignment"].mean < 4 / 60


def test_what_experiments_tell_next_to_the_threshold() -> None:
    for estimator in ESTIMATORS:
        model = nested((30, 60, 10), 1.0, 1.5, estimator=estimator)
        threshold = model.threshold()
        near, far = (model.evolve(matrix_strength=x * threshold) for x in (1.05, 3.0))
        assert set(near.unjudged()) == {"alignment", "accuracy", "singular_value"}
        assert near.unjudged()["accuracy"].startswith("next to the threshold")
        assert not far.unjudged()
        assert not far.finite_size()
        assert set(model.evolve(matrix_strength=0.6 * threshold).unjudged()) == {"alignment", "accuracy"}
        assert not model.evolve(matrix_strength=0.0).unjudged()
        rates = [model.evolve(matrix_strength=x).finite_size().get("accuracy", 1.0) for x in (0.0, 0.5 * threshold)]
        assert rates == [1.0, 0.5]
    # Where the tensor sets in with a jump, the iteration from the signal ends next to it.
    remembers = {T: set(nested((30, 60, 10), 0.0, T, estimator="tensor").unjudged()) for T in (0.3, 0.55)}
    assert remembers == {0.3: {"alignment", "accuracy", "singular_value"}, 0.55: {"alignment", "accuracy"}}


@pytest.mark.parametrize("estimator", ["unfolding", "known-weights"])
def test_the_singular_value_of_noise_nears_its_edge(estimator: str) -> None:
    verdict = verify(nested((12, 24, 6), 0.0, 0.6, estimator=estimator), trials=60, seed=3)
    assert verdict["singular_value"].rate == (7 / 6 if estimator == "unfolding" else 2 / 3)
    assert verdict["singular_value"].passed, verdict.report
    assert verdict["singular_value"].slope < 0


@pytest.mark.slow
def test_without_weights_a_blind_iteration_ends_at_the_edge_of_noise() -> None:
    model = nested((3, 5, 2), 0.0, 0.3, estimator="tensor")
    gaps = []
    for factor in (6, 12, 24):
        sizes, found = [factor * n for n in (3, 5, 2)], []
        for seed in range(40):
            rng = np.random.default_rng(seed)
            tensor, _ = draw_nested(sizes, 0.0, model.tensor_strength, rng)
            found.append(rank_one(tensor, [signs(n, rng) for n in sizes])[0])
        gaps.append(np.mean(found) / model.theory()["singular_value"] - 1)
    # Of order n^(-2/3), so that the last two extrapolate to nothing; the fold of the curve is 1.3 % higher.
    assert abs(gaps[2] - (gaps[1] - gaps[2]) / (2 ** (2 / 3) - 1)) < 0.008


def test_weights_are_recovered_below_the_threshold_of_the_labels() -> None:
    model = nested((36, 60, 24), 0.4, 1.2, estimator="tensor", mode=3)
    assert model.evolve(estimand="labels").theory()["detectable"] == 0
    found = simulate(model, 12, seed=2)["alignment"]
    assert found.mean == pytest.approx(model.theory()["alignment"], abs=4 * found.standard_error + 0.03)


# ---- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        ({"sizes": (150, 300)}, "sizes = .*three whole numbers"),
        ({"sizes": (150, 300, 0)}, "sizes"),
        ({"sizes": (150, 300, -60)}, "sizes"),
        ({"sizes": (150, 300, 60.5)}, "sizes"),
        ({"matrix_strength": -1.0}, "matrix_strength"),
        ({"matrix_strength": math.nan}, "matrix_strength"),
        ({"tensor_strength": math.inf}, "tensor_strength"),
        ({"estimator": "unfold"}, "estimator = .*did you mean 'unfolding'"),
        ({"estimand": "label"}, "estimand = .*did you mean 'labels'"),
        ({"estimand": "weights", "estimator": "known-weights"}, "estimand = 'weights'"),
        ({"size_corrected": "yes"}, "size_corrected"),
    ],
)
def test_bad_input_is_refused(bad: dict[str, Any], named: str) -> None:
    with pytest.raises(ParameterError, match=named):
        nested().evolve(**bad)
