"""Grids: the same numbers as one call a point, labelled, resumable, and refused by name."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rmtcollapse import ParameterError, Spectrum, simulate, sweep
from rmtcollapse.experiments import Linked
from rmtcollapse.models import RecursiveRegression, RidgeRegression

from .toys import Counter, Toy

EPS = float(np.finfo(float).eps)
RIDGE = RidgeRegression(spectrum=Spectrum.power_law(40, 1.5, 0.5), samples=60, ridge=0.1, noise_variance=0.4)
CHAIN = RecursiveRegression(
    spectrum=Spectrum.power_law(40, 1.2, 0.6),
    samples=60,
    ridge=0.1,
    noise_variance=0.4,
    generations=3,
    generator_samples=60,
)


def assert_is_a_loop_of_theory(model: Any, tolerance: float = 256 * EPS, **grids: Any) -> None:
    """Every variable at every point is what the model's own theory says there."""
    dataset = sweep(model, **grids)
    assert dict(dataset.sizes) == {name: len(grid) for name, grid in grids.items()}
    for place in product(*(range(len(grid)) for grid in grids.values())):
        cell = {name: grid[k] for (name, grid), k in zip(grids.items(), place, strict=True)}
        theory = model.evolve(**cell).theory()
        for name, value in theory.items():
            found = float(dataset[name].values[place])
            assert found == value or abs(found - value) <= tolerance * abs(value), (cell, name)
        assert dataset["status"].values[place] == theory.status


# ---- the numbers -------------------------------------------------------------------------------------------------


def test_a_ridge_curve_from_zero_up() -> None:
    assert_is_a_loop_of_theory(RIDGE, ridge=[0.0, *np.logspace(-12, 6, 73)])


def test_a_curve_in_any_order() -> None:
    assert_is_a_loop_of_theory(RIDGE, ridge=[5.0, 1e-9, 0.3, 0.0, 0.3, 1e4, 1e-3])


def test_samples_through_the_threshold() -> None:
    grid = [1, 5, 39, 40, 41, 80, 10**6]
    assert_is_a_loop_of_theory(RIDGE.evolve(ridge=0.0), samples=grid)
    dataset = sweep(RIDGE.evolve(ridge=0.0), samples=grid)
    assert math.isinf(float(dataset["variance"].sel(samples=40)))
    assert "interpolation threshold" in str(dataset["status"].sel(samples=40).values)
    assert str(dataset["status"].sel(samples=41).values) == "converged"


def test_two_axes() -> None:
    assert_is_a_loop_of_theory(RIDGE, noise_variance=[0.0, 0.5, 2.0], ridge=[0.0, 1e-3, 0.1, 10.0])


def test_generations_and_generator_samples() -> None:
    assert_is_a_loop_of_theory(CHAIN, generations=[0, 1, 2, 30], generator_samples=[10, 39, 41, 200])


def test_three_axes() -> None:
    assert_is_a_loop_of_theory(CHAIN, generations=[0, 3], ridge=[0.0, 0.5], generator_ridge=[0.0, 0.2, 5.0])


@pytest.mark.parametrize("designs", ["generators-shared", "all-shared"])
def test_generations_with_shared_designs(designs: str) -> None:
    model = CHAIN.evolve(designs=designs, generator_samples=60)
    assert_is_a_loop_of_theory(model, generations=[0, 1, 4], ridge=[0.0, 0.1])


def test_unset_generator_samples_follow_the_samples() -> None:
    model = CHAIN.evolve(generator_samples=None, generator_noise_variance=None)
    assert_is_a_loop_of_theory(model, samples=[20, 60, 90], noise_variance=[0.1, 1.0])


# ---- what is not one compiled call -------------------------------------------------------------------------------


def test_an_axis_of_words_runs_cell_by_cell() -> None:
    words = ["independent", "generators-shared", "all-shared"]
    assert_is_a_loop_of_theory(CHAIN, designs=words, ridge=[0.0, 0.1])
    assert list(sweep(CHAIN, designs=words)["designs"].values) == words


def test_an_axis_of_spectra_runs_cell_by_cell() -> None:
    spectra = [Spectrum.isotropic(10), Spectrum.isotropic(90)]
    with ThreadPoolExecutor(1) as pool:
        dataset = sweep(RIDGE, spectrum=spectra, executor=pool)
    expected = [RIDGE.evolve(spectrum=s).theory()["test_error"] for s in spectra]
    assert list(dataset["test_error"].values) == expected


@pytest.mark.parametrize("designs", ["generators-shared", "all-shared"])
def test_a_shared_design_with_a_generator_ridge_runs_cell_by_cell(designs: str) -> None:
    model = CHAIN.evolve(designs=designs, generator_ridge=0.2)
    assert not model.sweepable(["ridge"])
    assert_is_a_loop_of_theory(model, generations=[0, 1, 3])
    assert_is_a_loop_of_theory(model.evolve(generator_ridge=0.0), generator_ridge=[0.0, 0.2])


# ---- labels ------------------------------------------------------------------------------------------------------


def test_labels() -> None:
    dataset = sweep(RIDGE, samples=range(20, 60, 20), ridge=(r for r in (0.0, 0.5, 1.0)))
    assert dataset["test_error"].dims == ("samples", "ridge")
    assert list(dataset.data_vars) == list(RIDGE.VALUES)
    np.testing.assert_array_equal(dataset["samples"], [20, 40])
    assert dataset["samples"].dtype.kind == "i"
    assert dataset["ridge"].attrs == {
        "long_name": "ridge penalty; 0 is the minimum-norm limit",
        "symbol": r"\lambda",
        "units": "squared feature",
    }
    assert dataset["bias"].attrs["long_name"] == RIDGE.VALUES["bias"]
    assert dataset.attrs == {"model": "ridge-regression", "noise_variance": 0.4}
    assert float(dataset["certificate"].max()) <= 1e-12
    assert set(dataset.coords) == {"samples", "ridge", "status", "certificate"}


def test_it_is_a_table_and_a_file(tmp_path: Path) -> None:
    import xarray as xr

    dataset = sweep(RIDGE, ridge=[0.1, 0.2])
    assert dataset.to_dataframe().shape == (2, len(RIDGE.VALUES) + 2)
    dataset.to_netcdf(tmp_path / "sweep.nc")
    with xr.open_dataset(tmp_path / "sweep.nc") as again:
        xr.testing.assert_identical(again.load().drop_vars("status"), dataset.drop_vars("status"))


# ---- refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grids", "words"),
    [
        ({}, "grid "),
        ({"rigde": [0.1]}, r"rigde .*did you mean 'ridge'"),
        ({"ridge": [0.1, -1.0]}, r"ridge = -1.0 "),
        ({"ridge": [0.1, math.nan]}, "ridge = nan "),
        ({"ridge": []}, "ridge = .*non-empty"),
        ({"ridge": [[0.1]]}, "ridge = .*one-dimensional"),
        ({"ridge": "0.1"}, "ridge = .*one-dimensional"),
        ({"ridge": 0.1}, "ridge = .*one-dimensional"),
        ({"samples": [10, 20.5]}, "samples = .*integer"),
        ({"samples": [10, 0]}, "samples = 0 "),
        ({"samples": [True, False]}, "samples = "),
        ({"designs": ["independent", "shared"]}, "designs = 'shared' "),
        ({"generator_samples": [None]}, "generator_samples = "),
        ({"ridge": [0.1], "trials": 1}, "trials = 1 "),
        ({"ridge": [0.1], "trials": 5, "seed": -1}, "seed = -1 "),
    ],
)
def test_refusals_name_the_parameter(grids: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=rf"\A{words}[^\n]*\Z"):
        sweep(CHAIN, **grids)


def test_combinations_are_checked_over_the_whole_grid() -> None:
    model = CHAIN.evolve(designs="all-shared")
    with pytest.raises(ParameterError, match=r"\Agenerator_samples = 60 [^\n]+\Z"):
        sweep(model, samples=[60, 70])


# ---- simulation --------------------------------------------------------------------------------------------------


def test_simulated_cells_are_simulations_of_their_own() -> None:
    dataset = sweep(RIDGE, ridge=[0.1, 0.5], samples=[20, 30], trials=8, seed=4)
    seeds = np.random.SeedSequence(4).spawn(4)
    for own, (i, j) in zip(seeds, product(range(2), range(2)), strict=True):
        cell = RIDGE.evolve(ridge=[0.1, 0.5][i], samples=[20, 30][j])
        expected = simulate(cell, 8, seed=own)
        for name, estimate in expected.items():
            assert float(dataset[f"{name}_simulated"][i, j]) == estimate.mean
            assert float(dataset[f"{name}_standard_error"][i, j]) == estimate.standard_error
    assert dataset["test_error_simulated"].dims == ("ridge", "samples")


def test_an_interrupted_run_resumes(tmp_path: Path) -> None:
    grid, trials = [1.0, 2.0, 3.0, 4.0], 5
    whole = sweep(Toy(), level=grid, trials=trials, seed=2)
    counter = Counter(most=2 * trials + 3)
    with pytest.raises(RuntimeError, match="interrupted"):
        sweep(Toy(counter=counter), level=grid, trials=trials, seed=2, store=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2, "finished cells only"
    counter.most, counter.made = None, 0
    resumed = sweep(Toy(counter=counter), level=grid, trials=trials, seed=2, store=tmp_path)
    assert counter.made == 2 * trials, "only the cells that were not finished"
    assert resumed.identical(whole)
    sweep(Toy(counter=counter), level=grid, trials=trials, seed=2, store=tmp_path)
    assert counter.made == 2 * trials, "and nothing once all are"


def test_a_real_model_resumes_after_its_experiment_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grids: dict[str, Any] = {"ridge": [0.1, 0.2, 0.3], "trials": 4, "seed": 9}
    whole = sweep(RIDGE, **grids)
    draw, seen = RidgeRegression.draw, []

    def fails_at_the_third_cell(self: RidgeRegression, rng: np.random.Generator) -> dict[str, float]:
        if self.ridge == 0.3:
            raise OSError("the power went out")
        seen.append(self.ridge)
        return draw(self, rng)

    monkeypatch.setattr(RidgeRegression, "draw", fails_at_the_third_cell)
    with pytest.raises(OSError, match="power"):
        sweep(RIDGE, store=tmp_path, **grids)
    assert sorted(seen) == [0.1] * 4 + [0.2] * 4

    def counted(self: RidgeRegression, rng: np.random.Generator) -> dict[str, float]:
        seen.append(self.ridge)
        return draw(self, rng)

    seen.clear()
    monkeypatch.setattr(RidgeRegression, "draw", counted)
    assert sweep(RIDGE, store=tmp_path, **grids).identical(whole)
    assert seen == [0.3] * 4


@pytest.mark.parametrize("change", [{"seed": 3}, {"trials": 6}, {"spread": 0.2}], ids=["seed", "trials", "parameter"])
def test_a_store_is_not_taken_for_another_run(tmp_path: Path, change: dict[str, Any]) -> None:
    run = {"trials": 5, "seed": 2}
    sweep(Toy(), level=[1.0, 2.0], store=tmp_path, **run)
    other = Toy(spread=change.pop("spread", 0.1))
    expected = sweep(other, level=[1.0, 2.0], **{**run, **change})
    assert sweep(other, level=[1.0, 2.0], store=tmp_path, **{**run, **change}).identical(expected)
    assert len(list(tmp_path.iterdir())) == 4


# ---- theory on a fine grid, simulation on a coarse part ------------------------------------------------------------


def test_chosen_values_are_simulated_and_the_others_are_missing() -> None:
    grid = [0.1, 0.2, 0.3, 0.5]
    dataset = sweep(RIDGE, ridge=grid, samples=[20, 30], trials=4, seed=7, simulated={"ridge": [0.5, 0.2]})
    there = ~np.isnan(dataset["test_error_simulated"].values)
    np.testing.assert_array_equal(there, np.array([[False], [True], [False], [True]]) & np.ones((4, 2), bool))
    alone = sweep(RIDGE, ridge=[0.2, 0.5], samples=[20, 30], trials=4, seed=7)
    for name in ("test_error_simulated", "bias_standard_error"):
        np.testing.assert_array_equal(dataset[name].values[there], alone[name].values.ravel())
    np.testing.assert_array_equal(dataset["test_error"], sweep(RIDGE, ridge=grid, samples=[20, 30])["test_error"])


@pytest.mark.parametrize(
    ("simulated", "words"),
    [
        ({"ridge": [0.15]}, r"simulated ridge = 0\.15 "),
        ({"rigde": [0.1]}, r"rigde is not an axis of this sweep \(did you mean 'ridge'\?\)"),
    ],
)
def test_only_places_of_the_grid_are_simulated(simulated: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=rf"\A{words}[^\n]*\Z"):
        sweep(RIDGE, ridge=[0.1, 0.2], trials=2, simulated=simulated)


# ---- parameters that vary together ---------------------------------------------------------------------------------


def test_linked_parameters_vary_together() -> None:
    rows, ridges = [20, 50, 80], [0.5, 0.1, 0.0]
    linked = Linked(rows, {"samples": rows, "ridge": ridges}, symbol="n", meaning="rows")
    dataset = sweep(RIDGE, rows=linked, noise_variance=[0.1, 0.9])
    assert dataset["test_error"].dims == ("rows", "noise_variance")
    for (i, n), (j, noise) in product(enumerate(rows), enumerate((0.1, 0.9))):
        cell = RIDGE.evolve(samples=n, ridge=ridges[i], noise_variance=noise)
        assert float(dataset["test_error"][i, j]) == pytest.approx(cell.theory()["test_error"], rel=256 * EPS)
    assert list(dataset["ridge"].values) == ridges
    assert dataset["ridge"].dims == ("rows",)
    assert dataset["rows"].attrs == {"long_name": "rows", "symbol": "n", "units": "dimensionless"}
    assert dataset.attrs == {"model": "ridge-regression"}


def test_linked_spectra_are_labelled_by_numbers_and_simulated() -> None:
    linked = Linked([10, 90], {"spectrum": [Spectrum.isotropic(10), Spectrum.isotropic(90)]}, symbol="d")
    dataset = sweep(RIDGE, d=linked, trials=3, simulated={"d": [90]})
    assert list(dataset["d"].values) == [10, 90]
    assert np.isnan(dataset["test_error_simulated"].values).tolist() == [True, False]
    assert float(dataset["test_error"][1]) == RIDGE.evolve(spectrum=Spectrum.isotropic(90)).theory()["test_error"]


@pytest.mark.parametrize(
    ("grids", "words"),
    [
        ({"n": Linked([1, 2], {"samples": [10, 20, 30]})}, "samples = 3 .*as many values as n has, 2"),
        ({"n": Linked([1, 2], {"sampels": [10, 20]})}, "sampels .*did you mean 'samples'"),
        ({"n": Linked([1, 2], {"samples": [10, 0]})}, "samples = 0 "),
        ({"n": Linked([1, 2], {})}, "n = .*at least one parameter"),
        ({"n": Linked([[1, 2]], {"samples": [10]})}, "n = .*one-dimensional"),
        ({"n": Linked([1], {"samples": [10]}), "samples": [10]}, "samples = 'samples' .*no other axis varies"),
    ],
)
def test_linked_refusals_name_the_parameter(grids: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=rf"\A{words}[^\n]*\Z"):
        sweep(RIDGE, **grids)
