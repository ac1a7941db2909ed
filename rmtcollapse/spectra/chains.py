r"""Squared singular values of products of free layers that differ in width and in slopes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from rmtcollapse.errors import ConvergenceError, ParameterError
from rmtcollapse.spectra import _series as series
from rmtcollapse.spectra._chain_curve import Chain
from rmtcollapse.spectra._chain_edges import Outline, isometric, outline
from rmtcollapse.spectra._chain_walk import TINY, Found, begun, beside, continued, faint_heights, walked
from rmtcollapse.spectra._layer_gains import mean_gain
from rmtcollapse.spectra._layer_mean import log_mean
from rmtcollapse.spectra.estimate import FloatArray
from rmtcollapse.spectra.law import ComplexArray, Law, moment_count

__all__ = ["LayerChain"]

CLOSE = 1e-10  # to an edge, relative: where rounding may leave no solution


class LayerChain(Law):
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

    @property
    def largest(self) -> float:
        """The largest place of the law."""
        return self._hull[1]

    @cached_property
    def _divergent_edges(self) -> Sequence[float]:
        ends = [right for _, right in self.support()[-1:]] if self._outline.diverges else []
        return [left for left, _ in self.support()[:1] if left == 0] + ends

    def _bulk_masses(self) -> FloatArray:
        return np.array(self._outline.masses)

    def _solved(self, z: ComplexArray) -> Found:
        """At points of the closed upper half plane, by their conjugates."""
        chain = self._chain
        top = math.log(self._hull[1])
        inside = (z.imag == 0) & (self._bulk_of(z.real) >= 0)
        log_z = np.log(np.abs(z)) - 1j * np.angle(z)
        found, room = Found.empty(chain, z.size), beside(chain, self._outline.critical)
        for bulk in np.unique(self._bulk_of(z.real[inside])):
            here = np.flatnonzero(inside & (self._bulk_of(z.real) == bulk))
            found.put(here, walked(chain, log_z.real[here], top, room))
            for edge in self._outline.critical:
                near = here[~found.good[here] & (np.abs(log_z.real[here] - edge.log_z) <= CLOSE)]
                if near.size:
                    found.put(near, begun(chain, log_z.real[near], edge, top, room))
        outside = np.flatnonzero(~inside)
        if outside.size:
            found.put(outside, continued(chain, log_z[outside], top, room))
        if not found.good.all():
            first = z[~found.good][0]
            raise ConvergenceError(
                f"no certified solution at z = {first:.17g} ({int((~found.good).sum())} of {z.size} points): closer "
                "to an edge than rounding allows, or slopes that are not resolved; move the point"
            )
        return found

    def _transform(self, z: ComplexArray) -> ComplexArray:
        chain, found = self._chain, self._solved(z)
        s = (chain.last - chain.rank + found.behind) / chain.last
        values = np.asarray(-s.conj() / z) + 0.0  # no -0
        faint = np.flatnonzero(
            (z.imag == 0) & (self._bulk_of(z.real) >= 0) & (np.abs(found.place.imag).min(axis=0) <= TINY)
        )
        if faint.size:
            with np.errstate(under="ignore"):
                height = np.exp(faint_heights(chain, found.at(faint)) - np.log(chain.last * z.real[faint]))
            values[faint] = values.real[faint] + 1j * height
        return values

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
