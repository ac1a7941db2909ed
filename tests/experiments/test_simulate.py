"""Many trials: the same numbers wherever they run, and standard errors that mean what they say."""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from rmtcollapse import ParameterError, Spectrum, simulate
from rmtcollapse.experiments.simulate import Simulation
from rmtcollapse.models import RecursiveRegression, RidgeRegression

from .toys import Counter, Toy

RIDGE = RidgeRegression(spectrum=Spectrum.power_law(12, 1.2, 0.6), samples=18, ridge=0.1, noise_variance=0.4)
CHAIN = RecursiveRegression(
    spectrum=Spectrum.isotropic(12), samples=18, ridge=0.0, noise_variance=0.4, generations=2, generator_samples=8
)


class Serial(Executor):
    """Runs each task where it is submitted."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class Backwards(Executor):
    """Runs the tasks in reverse order, when the first result is asked for."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        owner = self

        class Late(Future[Any]):
            def result(self, timeout: float | None = None) -> Any:
                while owner.waiting:
                    other, run = owner.waiting.pop()
                    other.set_result(run())
                return super().result(timeout)

        future = Late()
        self.waiting.append((future, lambda: fn(*args, **kwargs)))
        return future


def assert_same(left: Any, right: Any) -> None:
    assert list(left) == list(right)
    for name in left:
        np.testing.assert_array_equal(left.draws[name], right.draws[name], err_msg=name)


@pytest.mark.parametrize("model", [RIDGE, CHAIN], ids=["ridge", "chain"])
def test_the_result_does_not_depend_on_the_executor(model: Any) -> None:
    expected = simulate(model, 40, seed=3, executor=Serial())
    assert_same(simulate(model, 40, seed=3), expected)
    assert_same(simulate(model, 40, seed=3, executor=Backwards()), expected)
    for workers in (1, 3):
        with ThreadPoolExecutor(workers) as pool:
            assert_same(simulate(model, 40, seed=3, executor=pool), expected)


def test_the_result_is_the_same_in_other_processes() -> None:
    expected = simulate(CHAIN, 8, seed=3, executor=Serial())
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert_same(simulate(CHAIN, 8, seed=3, executor=pool), expected)
        assert pool.submit(abs, -1).result() == 1, "a given executor is left open"


def test_seeds_decide() -> None:
    first = simulate(RIDGE, 10, seed=3)
    assert_same(simulate(RIDGE, 10, seed=np.int64(3)), first)
    assert_same(simulate(RIDGE, 10, seed=np.random.SeedSequence(3)), first)
    assert np.all(simulate(RIDGE, 10, seed=4).draws["bias"] != first.draws["bias"])
    assert len(np.unique(first.draws["bias"])) == 10


def test_more_trials_begin_with_the_same_ones() -> None:
    few, many = simulate(RIDGE, 10, seed=3), simulate(RIDGE, 70, seed=3)
    for name in few:
        np.testing.assert_array_equal(many.draws[name][:10], few.draws[name])


def test_estimates_are_those_of_the_draws() -> None:
    result = simulate(Toy(), 50, seed=1)
    draws = result.draws["value"]
    estimate = result["value"]
    assert estimate.trials == len(draws) == 50
    assert estimate.mean == pytest.approx(math.fsum(draws) / 50, rel=1e-15)
    squares = math.fsum((x - math.fsum(draws) / 50) ** 2 for x in draws)
    assert estimate.standard_error == pytest.approx(math.sqrt(squares / 49 / 50), rel=1e-13)
    assert result["nothing"].mean == result["nothing"].standard_error == 0.0
    assert len(result) == 2
    assert "(50 trials)" in str(estimate)


def test_standard_errors_cover_the_truth_as_often_as_they_should() -> None:
    draws = simulate(Toy(level=2.0, spread=0.5), 12_000, seed=8).draws["value"].reshape(400, 30)
    estimates = [Simulation({"value": row})["value"] for row in draws]
    # Student's t with 29 degrees of freedom: 1.699 is the two-sided 90 % point.
    covered = sum(abs(e.mean - 2.0) <= 1.699 * e.standard_error for e in estimates)
    assert abs(covered - 360) <= 4 * math.sqrt(400 * 0.9 * 0.1)


def test_unknown_names_list_those_there_are() -> None:
    with pytest.raises(KeyError, match="test_eror: this simulation has test_error, bias, variance"):
        simulate(RIDGE, 2)["test_eror"]


@pytest.mark.parametrize("trials", [1, 0, -3, True, 2.5, "10", None, math.nan])
def test_wrong_trials_are_refused(trials: Any) -> None:
    with pytest.raises(ParameterError, match=r"\Atrials = [^\n]+an integer >= 2\Z"):
        simulate(RIDGE, trials)


@pytest.mark.parametrize("seed", [-1, True, 1.5, "1", None, math.nan])
def test_wrong_seeds_are_refused(seed: Any) -> None:
    with pytest.raises(ParameterError, match=r"\Aseed = [^\n]+an integer >= 0\Z"):
        simulate(RIDGE, 2, seed=seed)


def test_a_failing_trial_stops_the_run() -> None:
    counter = Counter(most=5)
    with pytest.raises(RuntimeError, match="interrupted"):
        simulate(Toy(counter=counter), 10_000)
    assert counter.made == 5


def test_progress_is_shown_on_standard_error_only_when_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    simulate(Toy(), 40)
    assert capfd.readouterr() == ("", "")
    simulate(Toy(), 40, progress=True)
    out, _ = capfd.readouterr()
    assert out == ""
