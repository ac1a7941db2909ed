"""On words from a power law the forecast must be right; on real ones it must be near."""

from __future__ import annotations

import numpy as np
import pytest

from rmtcollapse.errors import ConvergenceError, ParameterError
from rmtcollapse.experiments.tokens import PowerLawTokens
from rmtcollapse.models import HeavyTail
from rmtcollapse.predict import Text, load_text, predict_tail
from rmtcollapse.predict.tail import fit_tail


def power_law(exponent: float, size: int, seed: int) -> Text:
    drawn = PowerLawTokens(exponent).draw(size, np.random.default_rng(seed))
    kinds, numbers = np.unique(drawn, return_inverse=True)
    return Text(numbers, f"power law {exponent}", kinds.size)


@pytest.mark.parametrize("exponent", [1.2, 1.5, 2.5])
def test_the_exponent_of_a_power_law_is_found_within_its_error(exponent: float) -> None:
    fits = np.array([fit_tail(power_law(exponent, 20_000, seed).tokens) for seed in range(24)])
    scores = (fits[:, 0] - exponent) / fits[:, 1]
    # Counts of different words are less than independent: the spread may be smaller than stated, not larger.
    assert abs(scores.mean()) < 4 / np.sqrt(24) + 0.3
    assert 0.3 < scores.std() < 1.5


def test_a_power_law_is_forecast_within_a_few_per_cent() -> None:
    found = predict_tail(power_law(1.6, 120_000, seed=3), repeats=10, seed=1)
    assert found.exponent == pytest.approx(1.6, abs=4 * found.exponent_error)
    assert np.all(abs(found.growth.gaps) < 0.08)
    assert np.all(abs(found.resampling.gaps) < 0.12)
    near = found.growth.x > found.fitted_on / 16  # fewer words than that are seen by extrapolation only
    assert found.growth.predicted_kinds[near] == pytest.approx(found.growth.measured_kinds[near], rel=0.06)
    assert found.resampling.predicted_kinds == pytest.approx(found.resampling.measured_kinds, rel=0.15)


def test_the_forecast_is_that_of_the_model_on_its_own_law() -> None:
    found = predict_tail(power_law(1.5, 80_000, seed=4), repeats=4)
    for size, predicted in zip(found.growth.x, found.growth.predicted, strict=True):
        assert predicted == pytest.approx(HeavyTail(exponent=1.5, samples=int(size)).theory()["test_error"], rel=0.1)
    model = HeavyTail(exponent=1.5, samples=20_000, generator_samples=20_000)
    for n, predicted in zip(found.resampling.x, found.resampling.predicted, strict=True):
        assert predicted == pytest.approx(model.evolve(generations=int(n)).theory()["test_error"], rel=0.12)


def test_a_real_text_is_forecast_nearby() -> None:
    found = predict_tail(load_text("python-topics"), repeats=5)
    near = (found.growth.x > found.fitted_on / 8) & (found.growth.x < 2 * found.fitted_on)
    assert np.all(abs(found.growth.gaps[near]) < 0.2)
    assert np.all(abs(found.resampling.gaps[:-2]) < 0.12)
    assert 2 < found.exponent < 5
    assert f"exponent {found.exponent:.3f}" in found.report
    assert "gap beyond it" in found.report
    assert found.to_dict()["growth"]["gaps"] == found.growth.gaps.tolist()


def test_growth_in_the_resamplings_is_below_linear() -> None:
    found = predict_tail(power_law(1.5, 20_000, seed=5), repeats=4).resampling
    bound = (found.x + 1) * found.measured[0]
    assert np.all(found.measured[1:] < bound[1:])
    assert np.all(found.predicted <= (found.x + 1) * found.predicted[0] * (1 + 1e-12))


def test_seeds_decide() -> None:
    text = power_law(1.5, 4000, seed=6)
    first, again, other = (predict_tail(text, repeats=2, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.growth.measured, again.growth.measured)
    assert not np.array_equal(first.growth.measured, other.growth.measured)


def test_two_panels_are_drawn() -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    axes = predict_tail(power_law(1.5, 4000, seed=7), repeats=2).plot()
    assert len(axes) == 2
    assert all(a.get_legend() for a in axes)
    plt.close("all")


def test_refusals() -> None:
    text = power_law(1.5, 4000, seed=8)
    with pytest.raises(ParameterError, match=r"samples = 99 .*from 100 to 3000"):
        predict_tail(text, samples=99)
    with pytest.raises(ParameterError, match="samples = 3001 "):
        predict_tail(text, samples=3001)
    with pytest.raises(ParameterError, match=r"repeats = 1 .*>= 2"):
        predict_tail(text, repeats=1)
    with pytest.raises(ParameterError, match="seed = -1"):
        predict_tail(text, seed=-1)
    uniform = Text(np.arange(4000) % 50, "fifty words", 50)
    with pytest.raises(ConvergenceError, match="no power law"):
        predict_tail(uniform)
