r"""Squared singular values of products of free layers that differ in width and in slopes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError, ParameterError
from rmtcollapse.spectra import _series as series
from rmtcollapse.spectra._chain_curve import Chain
from rmtcollapse.spectra._chain_edges import Outline, isometric, outline
from rmtcollapse.spectra._chain_newton import TINY, Found, Room, faint_heights
from rmtcollapse.spectra._chain_walk import begun, beside, continued, walked
from rmtcollapse.spectra._layer_gains import mean_gain
from rmtcollapse.spectra._layer_mean import log_mean
from rmtcollapse.spectra._product_law import ProductLaw
from rmtcollapse.spectra.estimate import FloatArray
from rmtcollapse.spectra.law import ComplexArray, moment_count

__all__ = ["LayerChain"]

CLOSE = 1e-10  # to an edge, relative: where rounding may leave no solution


class LayerChain(ProductLaw):
    r"""Eigenvalues of :math:`JJ^\top`, :math:`J=\prod_{l=1}^LW_lD_l`, of free layers of any widths.

    All :math:`N_L` eigenvalues count: those that are lost on the way are an atom at 0.

    Parameters
    ----------
    chain : Chain
        The layers, in the order in which they are passed.

    Raises
    ------
    ParameterError
        Where rotations change nothing: the law is then that of the squared slopes of one layer.
    """

    def __init__(self, chain: Chain) -> None:
        if isometric(chain):
            domain = "weights with independent entries, or other widths: these rotations leave the law of one slope"
            raise ParameterError("weights", "orthogonal", domain)
        self._chain = chain

    def __repr__(self) -> str:
        widths = [self._chain.stages[0].inputs, *(s.outputs for s in self._chain.stages)]
        return f"LayerChain(widths={widths}, orthogonal={self._chain.orthogonal})"

    @cached_property
    def _outline(self) -> Outline:
        return outline(self._chain)

    def support(self) -> list[tuple[float, float]]:
        return [(_place(left), _place(right)) for left, right in self._outline.bulks]

    def atoms(self) -> list[tuple[float, float]]:
        zero, atom = self._outline.zero, self._outline.atom
        found = [(0.0, zero)] if zero > 0 else []
        return [*found, (_place(atom[0]), atom[1])] if atom else found

    def moments(self, k: int) -> FloatArray:
        chain, powers = self._chain, np.arange(1, moment_count(k) + 1)
        known: dict[int, FloatArray] = {}
        for stage in chain.stages:
            if id(stage.gains) not in known:
                slopes = np.array([mean_gain(stage.gains, int(j)) for j in powers])
                known[id(stage.gains)] = slopes / slopes[0] ** powers
        unit = series.chained(
            [known[id(s.gains)] for s in chain.stages], [chain.last / s.inputs for s in chain.stages],
            [max(s.inputs, s.outputs) / chain.last for s in chain.stages] if chain.orthogonal else [],
        )  # fmt: skip
        return np.asarray(unit * np.exp(chain.log_mean * powers))

    @cached_property
    def _divergent_edges(self) -> Sequence[float]:
        ends = [right for _, right in self.support()[-1:]] if self._outline.diverges else []
        return [left for left, _ in self.support()[:1] if left == 0] + ends

    def _bulk_masses(self) -> FloatArray:
        return np.array(self._outline.masses)

    @cached_property
    def _room(self) -> Room:
        return beside(self._chain, self._outline.critical)

    def _none(self, size: int) -> Found:
        return Found.empty(self._chain, size)

    def _in_bulk(self, x: FloatArray, top: float) -> Found:
        """By continuation from far away; from an edge where rounding leaves no solution otherwise."""
        chain, log_x = self._chain, np.log(x)
        found = self._none(x.size)
        found.put(np.arange(x.size), walked(chain, log_x, top, self._room))
        for edge in self._outline.critical:
            near = np.flatnonzero(~found.good & (np.abs(log_x - edge.log_z) <= CLOSE))
            if near.size:
                found.put(near, begun(chain, log_x[near], edge, top, self._room))
        return found

    def _outside(self, log_z: ComplexArray, top: float) -> Found:
        return continued(self._chain, log_z, top, self._room)

    def _behind(self, found: Found) -> ComplexArray:
        return np.asarray((self._chain.last - self._chain.rank + found.behind) / self._chain.last)

    def _faint(self, found: Found) -> NDArray[np.bool_]:
        return np.asarray(np.abs(found.place.imag).min(axis=0) <= TINY)

    def _heights(self, found: Found) -> FloatArray:
        return np.asarray(faint_heights(self._chain, found) - math.log(self._chain.last))

    def _potential(self, z: ComplexArray) -> ComplexArray:
        chain, found = self._chain, self._solved(z)
        places, powers = chain.factors
        width, tau = chain.last, _upper(found.tau)
        u = tau / width
        grown = np.log(_upper((places - chain.rank)[:, None] + found.behind)) - np.log(places)[:, None]
        total = (powers * (1 - places / width)) @ grown + powers @ np.log(places / width) + chain.log_scale
        total = total + (powers.sum() - 1 + chain.smooth) * u + (chain.smooth - 1) * np.log(u)
        for group, lam in zip(chain.groups, found.place[1:] + 1j * np.pi * found.half[1:], strict=True):
            total = total + group.count * (group.width / width * log_mean(group.layers, lam) - lam)
        return np.asarray(total.conj())


def _upper(values: ComplexArray) -> ComplexArray:
    """Without imaginary parts below 0, which are rounding."""
    return np.asarray(values.real + 1j * np.maximum(values.imag, 0.0))


def _place(log: float) -> float:
    """exp, or a refusal of what is beyond the range of doubles."""
    if log > 700 or -math.inf < log < -700:
        raise ConvergenceError(
            f"an edge at exp({log:.6g}) is beyond the range of doubles; fewer layers, or a gain nearer 1"
        )
    return math.exp(log)
