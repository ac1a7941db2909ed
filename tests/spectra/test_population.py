"""Spectrum: constructors against their definitions, content equality, refusals, and the invariants of its methods."""

import copy
import math
import pickle
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rmtcollapse.errors import ParameterError
from rmtcollapse.spectra import Spectrum

EPS = np.finfo(float).eps
ATOMS = Spectrum([0.5, 2.0, 0.0, 2.0], [3.0, 1.0, 7.0, 4.0], [0.3, 0.1, 0.7, 0.4], [3, 1, 2, 4])


@st.composite
def spectra(draw: st.DrawFn) -> Spectrum:
    size = draw(st.integers(1, 6))
    numbers = st.floats(0, 1e6, allow_subnormal=False)
    column = st.lists(numbers, min_size=size, max_size=size)
    counts = draw(st.lists(st.integers(1, 9), min_size=size, max_size=size))
    return Spectrum(draw(column), draw(column), draw(st.none() | column), counts)


def close(a: float, b: float, terms: int) -> bool:
    """Sums of `terms` non-negative numbers, equal to rounding: relative error below (terms + 2) eps on each side."""
    return bool(abs(a - b) <= 2 * (terms + 2) * EPS * max(abs(a), abs(b)))


def test_the_arrays_are_kept_as_given() -> None:
    assert ATOMS.eigenvalues.tolist() == [0.5, 2.0, 0.0, 2.0]
    assert ATOMS.signal is not None
    assert ATOMS.signal.tolist() == [3.0, 1.0, 7.0, 4.0]
    assert ATOMS.target_shift is not None
    assert ATOMS.target_shift.tolist() == [0.3, 0.1, 0.7, 0.4]
    assert ATOMS.multiplicities.tolist() == [3, 1, 2, 4]
    assert all(a.dtype == np.float64 for a in (ATOMS.eigenvalues, ATOMS.signal, ATOMS.multiplicities))
    assert (ATOMS.noise_variance, ATOMS.capacity, ATOMS.source) == (None, None, None)


def test_sums_count_multiplicities() -> None:
    assert (ATOMS.dimension, ATOMS.rank) == (10, 8)
    assert isinstance(ATOMS.dimension, int)
    assert isinstance(ATOMS.rank, int)
    assert ATOMS.trace == 3 * 0.5 + 5 * 2.0
    assert ATOMS.signal_energy == 15.0


def test_defaults() -> None:
    plain = Spectrum([1.0, 2.0])
    assert plain.signal is None
    assert plain.target_shift is None
    assert plain.multiplicities.tolist() == [1, 1]
    assert plain.dimension == 2


def test_isotropic_is_one_atom() -> None:
    spectrum = Spectrum.isotropic(200, 3.0)
    assert spectrum == Spectrum([1.0], [3.0], multiplicities=[200])
    assert Spectrum.isotropic(np.int64(7)).signal_energy == 1.0  # type: ignore[arg-type]


def test_power_law_is_its_definition() -> None:
    spectrum = Spectrum.power_law(50, 1.5, 0.75)
    assert spectrum.signal is not None
    for j in (1, 2, 50):
        assert math.isclose(spectrum.eigenvalues[j - 1], j**-1.5, rel_tol=4 * EPS)
        assert math.isclose(spectrum.signal[j - 1], j ** -(1 + 1.5 * 0.5), rel_tol=4 * EPS)
    assert (spectrum.dimension, spectrum.capacity, spectrum.source) == (50, 1.5, 0.75)


def test_power_law_source_half_leaves_one_over_j() -> None:
    signal = Spectrum.power_law(10, 3.0, 0.5).signal
    assert signal is not None
    np.testing.assert_allclose(signal, 1 / np.arange(1.0, 11.0), rtol=4 * EPS)


def rotation(size: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(3).standard_normal((size, size)))[0]


def test_from_covariance_undoes_a_rotation() -> None:
    eigenvalues, coefficients = np.array([5.0, 3.0, 1.0, 0.25, 0.0]), np.array([1.0, -2.0, 0.5, 3.0, -1.0])
    basis = rotation(5)
    spectrum = Spectrum.from_covariance(basis @ np.diag(eigenvalues) @ basis.T, basis @ coefficients)
    np.testing.assert_allclose(spectrum.eigenvalues, eigenvalues, atol=50 * EPS)
    assert spectrum.signal is not None
    np.testing.assert_allclose(spectrum.signal, coefficients**2, rtol=5000 * EPS)
    assert spectrum.eigenvalues[-1] == 0.0
    assert spectrum.rank == 4


def test_from_covariance_has_the_rank_of_the_matrix() -> None:
    factor = np.random.default_rng(5).standard_normal((30, 7))
    assert Spectrum.from_covariance(factor @ factor.T).rank == 7


def test_from_covariance_takes_a_diagonal_exactly() -> None:
    assert Spectrum.from_covariance(np.diag([1e-30, 4.0]), [2.0, 3.0]) == Spectrum([4.0, 1e-30], [9.0, 4.0])
    assert Spectrum.from_covariance(np.zeros((2, 2))).rank == 0


def test_from_covariance_tolerates_rounding_only() -> None:
    matrix = np.diag([4.0, 1.0])
    matrix[0, 1] = 3e-10
    assert Spectrum.from_covariance(matrix).dimension == 2
    assert Spectrum.from_covariance(np.diag([1.0, -1e-13])).eigenvalues[1] == 0.0
    with pytest.raises(ParameterError, match="smallest eigenvalue"):
        Spectrum.from_covariance(np.diag([1.0, -1e-11]))


def test_columns_drop_zeros_order_and_divide_by_multiplicity() -> None:
    columns = ATOMS.columns()
    assert list(columns) == ["multiplicity", "eigenvalue", "signal", "target_shift"]
    assert columns["eigenvalue"].tolist() == [2.0, 2.0, 0.5]
    assert columns["multiplicity"].tolist() == [1, 4, 3]
    assert columns["signal"].tolist() == [1.0, 1.0, 1.0]
    np.testing.assert_allclose(columns["target_shift"], [0.1, 0.1, 0.1], rtol=2 * EPS)
    assert all(column.dtype == np.float64 for column in columns.values())


def test_columns_keep_the_order_of_ties() -> None:
    columns = Spectrum(np.tile([1.0, 2.0], 100), np.arange(200.0)).columns()
    assert columns["signal"].tolist() == [*range(1, 200, 2), *range(0, 200, 2)]


def test_columns_hold_what_is_present() -> None:
    assert list(Spectrum([1.0]).columns()) == ["multiplicity", "eigenvalue"]
    assert list(Spectrum([1.0], target_shift=[1.0]).columns()) == ["multiplicity", "eigenvalue", "target_shift"]
    assert Spectrum([0.0], [1.0]).columns()["signal"].size == 0


def test_a_scalar_is_spread_over_directions() -> None:
    spread = ATOMS.with_signal(5).with_target_shift(2.0)
    assert spread.signal is not None
    assert spread.target_shift is not None
    np.testing.assert_allclose(spread.signal, [1.5, 0.5, 1.0, 2.0], rtol=2 * EPS)
    np.testing.assert_allclose(spread.target_shift, [0.6, 0.2, 0.4, 0.8], rtol=2 * EPS)


def test_an_array_over_all_directions_is_summed_by_atom() -> None:
    shift = np.arange(ATOMS.dimension) / 4
    assert ATOMS.with_target_shift(shift) == ATOMS.with_target_shift([3 / 4, 3 / 4, 9 / 4, 30 / 4])
    assert Spectrum.isotropic(4).with_signal([1, 0, 2, 0]).signal_energy == 3
    with pytest.raises(ParameterError, match=r"signal\[1\] = -1.0"):
        Spectrum.isotropic(4).with_signal([1, -1, 2, 0])


def test_an_array_is_taken_as_totals() -> None:
    changed = ATOMS.with_signal([1, 2, 3, 4]).with_target_shift([4, 3, 2, 1])
    assert changed == Spectrum(ATOMS.eigenvalues, [1, 2, 3, 4], [4, 3, 2, 1], ATOMS.multiplicities)


def test_annotations_follow_what_they_describe() -> None:
    law = Spectrum.power_law(4, 2.0, 0.5)
    assert (law.scaled(3.0).capacity, law.scaled(3.0).source) == (2.0, 0.5)
    assert (law.resized(2).capacity, law.with_target_shift(1.0).source) == (2.0, 0.5)
    assert (law.with_signal(1.0).capacity, law.with_signal(1.0).source) == (2.0, None)
    assert Spectrum([1.0], noise_variance=0.5).with_target_shift(1.0).noise_variance == 0.5


def test_scaled() -> None:
    assert ATOMS.scaled(2.0) == Spectrum([1.0, 4.0, 0.0, 4.0], ATOMS.signal, ATOMS.target_shift, ATOMS.multiplicities)


def test_resized_keeps_totals() -> None:
    small = Spectrum([1.0, 2.0], [1.0, 5.0], [2.0, 3.0], [4, 6])
    assert small.resized(Fraction(3, 2)) == Spectrum([1.0, 2.0], [1.0, 5.0], [2.0, 3.0], [6, 9])
    assert small.resized(np.int64(2)).dimension == 20  # type: ignore[arg-type]


def test_expanded_splits_totals() -> None:
    expanded = Spectrum([1.0, 2.0], [4.0, 5.0], [2.0, 3.0], [2, 1]).expanded()
    assert expanded == Spectrum([1.0, 1.0, 2.0], [2.0, 2.0, 5.0], [1.0, 1.0, 3.0])


def test_equality_and_hash_are_of_the_content() -> None:
    same = Spectrum((0.5, 2, -0.0, 2), np.array([3, 1, 7, 4]), [0.3, 0.1, 0.7, 0.4], [3.0, 1.0, 2.0, 4.0])
    assert same == ATOMS
    assert hash(same) == hash(ATOMS)
    assert same.digest == ATOMS.digest
    assert len({same, ATOMS}) == 1
    assert ATOMS != "a spectrum"
    assert Spectrum([1.0], noise_variance=1.0) == Spectrum([1.0])
    law = Spectrum.power_law(3, 1.0, 0.5)
    assert Spectrum(law.eigenvalues, law.signal) == law


def test_other_content_is_another_spectrum() -> None:
    s, w2, shift, m = ATOMS.eigenvalues, ATOMS.signal, ATOMS.target_shift, ATOMS.multiplicities
    others = [
        Spectrum([0.5, 2.0, 0.0, 2.0 + 1e-15], w2, shift, m),
        Spectrum(s, [3.0, 1.0, 7.0, 5.0], shift, m),
        Spectrum(s, shift, w2, m),
        Spectrum(s, w2, None, m),
        Spectrum(s, None, w2, m),
        Spectrum(s, w2, shift),
        ATOMS.expanded(),
    ]
    assert all(other != ATOMS for other in others)
    assert len({other.digest for other in others}) == len(set(others)) == len(others)


def test_the_digest_is_the_same_in_every_process() -> None:
    assert Spectrum.isotropic(3).digest == "10cf85afafffccd9427ba2753fe314c7"


def test_nothing_can_be_changed() -> None:
    for array in (ATOMS.eigenvalues, ATOMS.signal, ATOMS.target_shift, ATOMS.multiplicities):
        assert array is not None
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.flags.writeable = True
    with pytest.raises(AttributeError, match="'signal' cannot be set"):
        ATOMS.signal = None
    with pytest.raises(AttributeError, match="'other' cannot be set"):
        ATOMS.other = 1
    with pytest.raises(AttributeError, match="'signal' cannot be deleted"):
        del ATOMS.signal


def test_input_arrays_are_copied() -> None:
    eigenvalues = np.array([1.0, 2.0])
    spectrum = Spectrum(eigenvalues)
    eigenvalues[0] = 9.0
    assert spectrum.eigenvalues[0] == 1.0


@pytest.mark.parametrize("duplicate", [lambda s: pickle.loads(pickle.dumps(s)), copy.copy, copy.deepcopy])
def test_pickle_and_copy_keep_everything(duplicate: Callable[[Spectrum], Spectrum]) -> None:
    original = Spectrum.power_law(5, 1.5, 0.5).with_target_shift(1.0)
    again = duplicate(original)
    assert again == original
    assert (again.capacity, again.source) == (1.5, 0.5)
    assert not again.eigenvalues.flags.writeable
    assert duplicate(Spectrum([1.0], noise_variance=0.25)).noise_variance == 0.25


def test_repr_is_one_informative_line() -> None:
    shown = repr(Spectrum.power_law(400, 1.5, 0.5))
    assert "\n" not in shown
    for piece in ("atoms=400", "dimension=400", "rank=400", "trace=2.51", "signal total", "capacity=1.5", "source=0.5"):
        assert piece in shown


REFUSALS: list[tuple[Callable[[], object], str, str]] = [
    (lambda: Spectrum([1.0, -0.5]), "eigenvalues[1] = -0.5", "a finite number >= 0"),
    (lambda: Spectrum([1.0, 2.0, np.nan]), "eigenvalues[2] = nan", "a finite number"),
    (lambda: Spectrum([np.inf]), "eigenvalues[0] = inf", "a finite number"),
    (lambda: Spectrum([1e308, 1e308]), "eigenvalues[0] = 1e+308", "a finite number >= 0 (at most 4.49e+307)"),
    (lambda: Spectrum([]), "shape of eigenvalues = (0,)", "(k,): one number an atom, not empty"),
    (lambda: Spectrum(1.0), "shape of eigenvalues = ()", ""),
    (lambda: Spectrum([[1.0]]), "shape of eigenvalues = (1, 1)", ""),
    (lambda: Spectrum([[1.0], [1.0, 2.0]]), "eigenvalues = [[1.0], [1.0, 2.0]]", "a rectangular array"),
    (lambda: Spectrum(["a"]), "eigenvalues = ['a']", "an array of real numbers"),
    (lambda: Spectrum([1j]), "eigenvalues = [1j]", "an array of real numbers"),
    (
        lambda: Spectrum(np.ma.array([1.0, 2.0], mask=[False, True])),
        "eigenvalues = masked_array(",
        "an array without masked entries",
    ),
    (lambda: Spectrum([1.0], [1.0, 2.0]), "length of signal = 2", "1, as many as eigenvalues"),
    (lambda: Spectrum([1.0], [-1.0]), "signal[0] = -1.0", "a finite number >= 0"),
    (lambda: Spectrum([1.0], None, [np.nan]), "target_shift[0] = nan", "a finite number"),
    (lambda: Spectrum([1.0, 1.0], multiplicities=[1, 0]), "multiplicities[1] = 0.0", "a positive integer"),
    (lambda: Spectrum([1.0], multiplicities=[1.5]), "multiplicities[0] = 1.5", "a positive integer"),
    (lambda: Spectrum([1.0], multiplicities=[1, 2]), "length of multiplicities = 2", "1"),
    (lambda: Spectrum([1.0] * 2, multiplicities=[2**53] * 2), "sum of multiplicities = 1.8014398509481984e+16", ""),
    (lambda: Spectrum([1.0], noise_variance=-1.0), "noise_variance = -1.0", "a finite number >= 0"),
    (lambda: Spectrum([1.0], capacity=0.0), "capacity = 0.0", "a finite number > 0"),
    (lambda: Spectrum([1.0], source=np.float64(np.inf)), "source = inf", "a finite number"),
    (lambda: Spectrum([1.0]).signal_energy, "signal = None", "squared coefficients of the target"),
    (lambda: Spectrum.isotropic(0), "dimension = 0", "a positive integer"),
    (lambda: Spectrum.isotropic(2.0), "dimension = 2.0", "a positive integer"),  # type: ignore[arg-type]
    (lambda: Spectrum.isotropic(True), "dimension = True", "a positive integer"),
    (lambda: Spectrum.isotropic(2, -1.0), "signal_energy = -1.0", "a finite number >= 0"),
    (lambda: Spectrum.power_law(-3, 1.0, 0.5), "dimension = -3", "a positive integer"),
    (lambda: Spectrum.power_law(3, 0.0, 0.5), "capacity = 0.0", "a finite number > 0"),
    (lambda: Spectrum.power_law(3, 1.0, math.nan), "source = nan", "a finite number"),
    (lambda: Spectrum.power_law(3, 1.0, "a"), "source = 'a'", "a finite number"),  # type: ignore[arg-type]
    (lambda: Spectrum.power_law(3, 10**400, 0.5), "capacity = 1000", "a finite number > 0"),
    (lambda: Spectrum.power_law(10, 400.0, 0.5), "capacity = 400.0", "small enough"),
    (lambda: Spectrum.power_law(10, 1.0, -200.0), "source = -200.0", "large enough"),
    (lambda: Spectrum.from_covariance([[1.0, 0.2], [0.1, 1.0]]), "|matrix[0, 1] - matrix[1, 0]| = 0.1", ""),
    (
        lambda: Spectrum.from_covariance([[4.0, 0.2], [0.0, 1.0]]),
        "|matrix[0, 1] - matrix[1, 0]| = 0.2",
        "at most 1e-10 of the largest entry (here 0.05 of it): a covariance",
    ),
    (
        lambda: Spectrum.from_covariance([[1.0, 2.0], [2.0, 1.0]]),
        "smallest eigenvalue of matrix = -",
        "at least -1e-12 of the largest (3): a",
    ),
    (lambda: Spectrum.from_covariance([[-1.0]]), "smallest eigenvalue of matrix = -1.0", "at least -1e-12"),
    (lambda: Spectrum.from_covariance([[1.0, 0.0]]), "shape of matrix = (1, 2)", "(d, d): square"),
    (lambda: Spectrum.from_covariance([1.0]), "shape of matrix = (1,)", "(d, d)"),
    (lambda: Spectrum.from_covariance([[np.nan]]), "matrix[0, 0] = nan", "a finite number"),
    (lambda: Spectrum.from_covariance([[1.0]], [1.0, 2.0]), "length of signal = 2", "1"),
    (lambda: Spectrum.from_covariance([[1.0]], [1e200]), "signal[0] = inf", "a finite number"),
    (lambda: ATOMS.with_signal(-1.0), "signal = -1.0", "a finite number >= 0"),
    (lambda: ATOMS.with_signal([1.0]), "length of signal = 1", "4"),
    (lambda: ATOMS.with_target_shift(math.inf), "target_shift = inf", "a finite number >= 0"),
    (lambda: ATOMS.scaled(0.0), "factor = 0.0", "a finite number > 0"),
    (lambda: ATOMS.scaled(1.7e308), "eigenvalues[1] = inf", "a finite number"),
    (lambda: ATOMS.resized(0), "factor = 0", "a positive integer or fractions.Fraction"),
    (lambda: ATOMS.resized(2.0), "factor = 2.0", "a positive integer"),  # type: ignore[arg-type]
    (lambda: ATOMS.resized(True), "factor = True", "a positive integer"),
    (lambda: ATOMS.resized(Fraction(1, 2)), "factor = Fraction(1, 2)", "a positive integer"),
    (lambda: ATOMS.resized(2**53), "sum of multiplicities = ", "at most 2**53"),
    (lambda: ATOMS.resized(10**400), "factor = 1000", "a positive integer or fractions.Fraction that makes every"),
]


@pytest.mark.parametrize(("call", "shown", "domain"), REFUSALS)
def test_refusals_name_parameter_value_and_domain(call: Callable[[], object], shown: str, domain: str) -> None:
    with pytest.raises(ParameterError) as refusal:
        call()
    message = str(refusal.value)
    assert message.startswith(shown)
    assert f" is outside its domain: {domain}" in message
    assert "\n" not in message


@settings(deadline=None, derandomize=True)
@given(spectra())
def test_expanding_keeps_the_sums(spectrum: Spectrum) -> None:
    expanded = spectrum.expanded()
    terms = spectrum.dimension
    assert expanded.eigenvalues.size == expanded.dimension == spectrum.dimension
    assert expanded.rank == spectrum.rank
    assert close(expanded.trace, spectrum.trace, terms)
    assert close(expanded.signal_energy, spectrum.signal_energy, terms)
    assert (expanded.target_shift is None) == (spectrum.target_shift is None)
    assert expanded.expanded() == expanded


@settings(deadline=None, derandomize=True)
@given(spectra(), st.integers(1, 12))
def test_resizing_scales_counts_and_nothing_else(spectrum: Spectrum, factor: int) -> None:
    larger = spectrum.resized(factor)
    assert (larger.dimension, larger.rank) == (factor * spectrum.dimension, factor * spectrum.rank)
    assert close(larger.trace, factor * spectrum.trace, spectrum.eigenvalues.size + 2)
    assert larger.signal_energy == spectrum.signal_energy
    assert larger.resized(Fraction(1, factor)) == spectrum


@settings(deadline=None, derandomize=True)
@given(spectra())
def test_columns_add_up_to_the_spectrum(spectrum: Spectrum) -> None:
    columns = spectrum.columns()
    m, s = columns["multiplicity"], columns["eigenvalue"]
    assert m.sum() == spectrum.rank
    assert np.all(s > 0)
    assert np.all(np.diff(s) <= 0)
    assert close(float(np.sum(m * s)), spectrum.trace, spectrum.eigenvalues.size)
    assert spectrum.signal is not None
    energy = float(np.sum(m * columns["signal"]))
    assert close(energy, float(spectrum.signal[spectrum.eigenvalues > 0].sum()), spectrum.eigenvalues.size + 2)


@settings(deadline=None, derandomize=True)
@given(spectra())
def test_pickling_keeps_the_digest(spectrum: Spectrum) -> None:
    again = pickle.loads(pickle.dumps(spectrum))
    assert again == spectrum
    assert hash(again) == hash(spectrum)


def test_importing_spectra_loads_nothing_heavy() -> None:
    code = "import sys, rmtcollapse.spectra; print([m for m in ('scipy', 'sympy', 'numba') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
