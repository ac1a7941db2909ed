"""Laws: a line for each bulk, stems for atoms, a histogram behind."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest

from rmtcollapse import experiments, spectra

mpl.use("Agg")

import matplotlib.pyplot as plt

from rmtcollapse.plotting import plot_law


def bulk_lines(axes: plt.Axes) -> list[tuple[np.ndarray, np.ndarray]]:
    """Lines of more than a marker, as arrays."""
    return [np.asarray(line.get_data()) for line in axes.lines if len(line.get_xdata()) > 1]  # type: ignore[misc]


def shown(axes: plt.Axes) -> list[str]:
    """Labels of the legend."""
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_a_law_has_a_line_for_each_bulk_from_edge_to_edge() -> None:
    law = spectra.SampleCovariance(spectra.Atoms([1, 8]), 0.1)
    _, given = plt.subplots()
    axes = plot_law(law, given, points=200)
    assert axes is given
    lines = bulk_lines(axes)
    assert [(x[0], x[-1]) for x, _ in lines] == law.support()
    for x, y in lines:
        assert 90 <= len(x) <= 110
        np.testing.assert_array_equal(y, law.density(x))
    assert axes.get_legend() is None
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("eigenvalue", "density")
    assert axes.get_ylim()[1] > max(y.max() for _, y in lines)


def test_atoms_are_stems_with_their_masses() -> None:
    law = spectra.MarchenkoPastur(4.0)
    axes = law.plot()
    assert len(bulk_lines(axes)) == 1
    (stem,) = axes.collections
    assert [segment[:, 0].tolist() for segment in stem.get_segments()] == [[0, 0]]  # type: ignore[attr-defined]
    assert [text.get_text() for text in axes.texts] == ["mass 0.75"]
    assert set(shown(axes)) == {"law", "atoms"}
    left, right = axes.get_xlim()
    assert left < 0 < law.support()[0][1] < right


def test_a_law_of_atoms_alone_is_drawn() -> None:
    axes = plot_law(spectra.Atoms([2.0, 3.0, 5.0]))
    assert [segment[0, 0] for stem in axes.collections for segment in stem.get_segments()] == [2, 3, 5]  # type: ignore[attr-defined]
    assert shown(axes) == ["atoms"]
    assert plot_law(spectra.Atoms([2.0])).get_xlim() == (1.0, 3.0)


def test_the_histogram_has_the_mass_of_the_bulks() -> None:
    law = spectra.MarchenkoPastur(4.0)
    axes = plot_law(law, eigenvalues=experiments.eigenvalues(law, 2000, 0), bins=25)
    assert len(axes.patches) == 25
    left = np.array([bar.get_x() for bar in axes.patches])
    width, heights = axes.patches[0].get_width(), np.array([bar.get_height() for bar in axes.patches])
    assert np.sum(width * heights) == pytest.approx(0.25, rel=1e-12)
    # eigenvalues are rigid: a bar of about twenty of them is right to within three
    wanted = law.cdf(left + width) - law.cdf(left)
    np.testing.assert_allclose(width * heights, wanted, rtol=0, atol=3 / 2000)
    assert "eigenvalues" in shown(axes)


def test_a_density_that_diverges_is_cut_and_finite() -> None:
    for law in (spectra.FussCatalan(3), spectra.Atoms([-1, 1]) + spectra.Atoms([-1, 1])):
        axes = plot_law(law)
        ((x, y),) = bulk_lines(axes)
        assert np.all(np.isfinite(y))
        assert np.all((x > law.support()[0][0]) & (x <= law.support()[0][1]))
        assert y.max() > axes.get_ylim()[1] > 0.1
