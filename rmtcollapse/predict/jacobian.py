r"""A user's weight matrices beside random ones: singular values of every layer and of their product, outliers counted.

What is predicted is what independent entries of the same shapes, mean squares and sparsity would have. A layer's
squared singular values then follow the Marchenko-Pastur law, and those of the product of all of them the free
product :math:`z=\frac{1+u}u\prod_l(1+c_lu)`, :math:`c_l` the outputs of the last layer over the inputs of layer *l*. A
singular value is an outlier where it is further beyond an edge than the largest ones of random matrices fluctuate.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from functools import reduce
from operator import matmul
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse._deferred import deferred
from rmtcollapse.predict.weights import Weights
from rmtcollapse.spectra.law import Law
from rmtcollapse.spectra.laws import MarchenkoPastur

__all__ = ["LayerForecast", "WeightForecast", "predict_jacobian"]

Array = NDArray[np.float64]
SPREADS = 1.5  # of the place within which all but one eigenvalue is expected; a random matrix goes as far once in 1e4


@dataclass(frozen=True, eq=False)
class LayerForecast:
    """Singular values of a matrix, and where those of a random one would be.

    Attributes
    ----------
    name : str
        The layer, or the product.
    shape : tuple of int
        Outputs and inputs.
    mean_square : float
        Mean square of the entries.
    sparsity : float
        Share of entries that are 0.
    measured : array (min(shape),)
        Singular values, increasing.
    edges : tuple of float
        Smallest and largest singular value of random matrices, in the limit.
    limits : tuple of float
        Beyond which a singular value is an outlier.
    law : Law
        Of the squared singular values, as many as outputs.
    """

    name: str
    shape: tuple[int, int]
    mean_square: float
    sparsity: float
    measured: Array
    edges: tuple[float, float]
    limits: tuple[float, float]
    law: Law = field(repr=False)

    @property
    def outliers(self) -> tuple[int, int]:
        """How many singular values are below and above what random matrices have."""
        low, high = self.limits
        return int(np.sum(self.measured < low)), int(np.sum(self.measured > high))

    @property
    def distance(self) -> float:
        """Largest difference of the distribution functions of measured and predicted singular values."""
        rows, count = self.shape[0], self.measured.size
        null = max(0.0, 1 - count / rows)
        below = (self.law.cdf(self.measured**2) - null) / (1 - null)
        steps = np.arange(count + 1) / count
        return float(max(np.max(steps[1:] - below), np.max(below - steps[:-1])))

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        made = {n: v for n, v in asdict(self).items() if n not in ("law", "measured")}
        low, high = self.outliers
        return {**made, "outliers_below": low, "outliers_above": high, "distance": self.distance,
                "measured": self.measured.tolist()}  # fmt: skip


@dataclass(frozen=True, eq=False)
class WeightForecast:
    """What random matrices of the same kind would have, and what the weights have.

    Attributes
    ----------
    source : str
        Where the weights are from.
    transposed : bool
        Whether they were stored as (inputs, outputs).
    layers : tuple of LayerForecast
        In order.
    product : LayerForecast
        Of all layers.
    """

    source: str
    transposed: bool
    layers: tuple[LayerForecast, ...]
    product: LayerForecast

    plot = deferred("rmtcollapse.plotting", "plot_weights")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, arrays as lists."""
        head = {"source": self.source, "transposed": self.transposed}
        return {**head, "layers": [layer.to_dict() for layer in self.layers], "product": self.product.to_dict()}

    @property
    def report(self) -> str:
        """The forecast as text."""
        turned = " (stored as inputs x outputs)" if self.transposed else ""
        width = max(12, *(min(len(layer.name), 40) for layer in self.layers)) + 2
        lines = [
            f"{self.source}: {len(self.layers)} weight matrices{turned}",
            "Singular values beside those that independent entries of the same shape, mean square and sparsity have;",
            "distance: largest gap between the distribution functions of measured and random singular values.",
            f"{'layer':<{width}}{'shape':>12}{'std':>9}{'zeros':>7}{'smallest':>10}{'random':>9}{'largest':>10}"
            f"{'random':>9}{'outliers':>10}{'distance':>10}",
        ]
        for layer in (*self.layers, self.product):
            low, high = layer.outliers
            size = "" if layer is self.product else f"{math.sqrt(layer.mean_square):.3g}"
            zeros = "" if layer is self.product else f"{layer.sparsity:.0%}"
            lines.append(
                f"{layer.name[:40]:<{width}}{f'{layer.shape[0]} x {layer.shape[1]}':>12}{size:>9}{zeros:>7}"
                f"{layer.measured[0]:>10.3g}{layer.edges[0]:>9.3g}{layer.measured[-1]:>10.3g}{layer.edges[1]:>9.3g}"
                f"{f'{low} + {high}':>10}{layer.distance:>10.3f}"
            )
        return "\n".join([*lines, "outliers are counted below + above"])


def predict_jacobian(weights: Weights) -> WeightForecast:
    """Compare the singular values of weight matrices, and of their product, with those of random ones.

    Parameters
    ----------
    weights : Weights
        From :func:`~rmtcollapse.predict.weights.read_weights` or :meth:`~rmtcollapse.predict.weights.Weights.of`.

    Returns
    -------
    WeightForecast
        With ``report``, ``layers``, ``product`` and ``plot()``.

    Raises
    ------
    ConvergenceError
        If a law of the product has no certified solution.
    """
    layers = tuple(_layer(n, m) for n, m in zip(weights.names, weights.matrices, strict=True))
    product = layers[0] if len(layers) == 1 else _product(weights, layers)
    return WeightForecast(weights.source, weights.transposed, layers, product)


def _layer(name: str, matrix: Array) -> LayerForecast:
    rows, columns = matrix.shape
    square = float(np.mean(matrix**2))
    law = MarchenkoPastur(Fraction(rows, columns)) * (square * columns)
    return _forecast(name, matrix, square, float(np.mean(matrix == 0)), law, min(rows, columns))


def _product(weights: Weights, layers: tuple[LayerForecast, ...]) -> LayerForecast:
    outputs = weights.matrices[-1].shape[0]
    laws = [MarchenkoPastur(Fraction(outputs, m.shape[1])) for m in weights.matrices]
    scale = math.exp(math.fsum(math.log(f.mean_square * f.shape[1]) for f in layers))
    matrix = reduce(lambda done, m: m @ done, weights.matrices)
    narrow = min(matrix.shape[0], *(m.shape[1] for m in weights.matrices))
    return _forecast("product", matrix, float(np.mean(matrix**2)), 0.0, reduce(matmul, laws) * scale, narrow)


def _forecast(name: str, matrix: Array, square: float, sparsity: float, law: Law, narrow: int) -> LayerForecast:
    """`narrow` is the least width on the way: as many singular values are not 0."""
    values = np.sort(np.linalg.svd(matrix, compute_uv=False))
    measured = values[values.size - narrow :]
    support, rows = law.support(), matrix.shape[0]
    bottom, top = support[0][0], support[-1][1]
    # One eigenvalue is expected beyond this place: where it is says how far the extreme ones fluctuate.
    inner = law.quantile(1 - 1 / rows)
    high = top + SPREADS * (top - inner)
    low = bottom - SPREADS * (law.quantile(1 - (narrow - 1) / rows) - bottom) if bottom > 0 else 0.0
    limits = math.sqrt(max(low, 0.0)), math.sqrt(high)
    return LayerForecast(
        name, matrix.shape, square, sparsity, measured, (math.sqrt(bottom), math.sqrt(top)), limits, law
    )
