"""Densities as nodes of a contour: transforms in closed form, in doubles and in 32 digits, down to the ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from rmtcollapse.spectra._arithmetic import EPS, DoubleDouble
from rmtcollapse.spectra._density_leaf import DensityLeaf
from rmtcollapse.spectra.continuous import Exponential, PowerLawDensity, Uniform


def uniform(a: float, b: float) -> Callable[[Any], Any]:
    return lambda u: (mpmath.log(b - u) - mpmath.log(a - u)) / (mpmath.mpf(b) - a)


def exponential(u: Any) -> Any:
    """Of mean 1, cut at 40: e^{-u} (E1(-u) - E1(40 - u)) over the mass that is left."""
    return mpmath.exp(-u) * (mpmath.e1(-u) - mpmath.e1(40 - u)) / (1 - mpmath.exp(-40))


def inverse(a: float, b: float) -> Callable[[Any], Any]:
    """Density proportional to 1/x on (a, b)."""
    return lambda u: (mpmath.log((b - u) / b) - mpmath.log((a - u) / a)) / (u * mpmath.log(mpmath.mpf(b) / a))


LAWS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "uniform": (Uniform(-1, 2), uniform(-1, 2)),
    "uniform at 0": (Uniform(0, 3), uniform(0, 3)),
    "exponential": (Exponential(), exponential),
    "power law": (PowerLawDensity(1, 1e-3, 1), inverse(1e-3, 1)),
}
each_law = pytest.mark.parametrize("name", LAWS)


def arguments(leaf: DensityLeaf) -> np.ndarray:
    """Above the bulk, just above it, and beside both ends."""
    assert leaf.ends is not None
    low, high = leaf.ends
    x = low + (high - low) * np.array([-0.5, 1e-12, 1e-6, 0.3, 0.9, 1.7])
    return np.concatenate([x + 0.1j, x + 1e-3j, x + 1e-13j, [low - 1e-9 + 1e-9j, high + 1e-9 + 1e-12j]])


@each_law
def test_transforms_in_doubles_are_within_their_bounds(name: str) -> None:
    law, closed = LAWS[name]
    u = arguments(law._root)
    here = law._root.jet(u, 0, 1)
    with mpmath.workdps(40):
        for i, at in enumerate(u):
            exact = closed(mpmath.mpmathify(complex(at)))
            assert abs(mpmath.mpmathify(complex(here.m.value[i])) - exact) <= 4 * here.m.bound[i] + 4 * EPS * abs(exact)
            turned = 1 + mpmath.mpmathify(complex(at)) * exact
            assert abs(mpmath.mpmathify(complex(here.t.value[i])) - turned) <= 4 * here.t.bound[i]


@each_law
def test_transforms_in_32_digits(name: str) -> None:
    law, closed = LAWS[name]
    u = arguments(law._root)
    here = law._root.double_double(DoubleDouble.of(u))
    with mpmath.workdps(50):
        for i, at in enumerate(u):
            exact = closed(mpmath.mpmathify(complex(at)))
            pairs = [mpmath.mpf(float(x[0][i])) + float(x[1][i]) for x in (here.m.real, here.m.imag)]
            assert abs(mpmath.mpc(*pairs) - exact) <= mpmath.mpf(10) ** -27 * (1 + abs(exact))


def test_an_end_at_zero_is_resolved_to_the_smallest_doubles() -> None:
    leaf, closed = LAWS["uniform at 0"][0]._root, LAWS["uniform at 0"][1]
    u = np.array([1e-20 + 1e-21j, 1e-150 + 1e-152j, -1e-290 + 1e-300j])
    m = leaf.jet(u, 0, 1).m.value
    for i, at in enumerate(u):
        assert abs(m[i] - complex(closed(mpmath.mpmathify(complex(at))))) <= 1e-13 * abs(m[i])


def test_the_mirrored_leaf_is_the_law_of_minus_x() -> None:
    for law, _ in LAWS.values():
        leaf, mirrored = law._root, law._root.reflected()
        assert mirrored.ends == (-leaf.ends[1], -leaf.ends[0])
        u = arguments(leaf)
        for f, g in ((leaf, mirrored), (mirrored.reflected(), mirrored)):
            a, b = f.jet(u, 0, 1), g.jet(-u.conj(), 0, 1)
            np.testing.assert_allclose(-b.m.value.conj(), a.m.value, rtol=1e-12, atol=1e-12)


@each_law
def test_off_the_support_nothing_imaginary_is_left(name: str) -> None:
    leaf = LAWS[name][0]._root
    u = np.array([leaf.ends[0] - 0.1, leaf.ends[1] + 0.1]) + 0j
    assert np.all(leaf.jet(u, 0, 1).m.value.imag == 0)
