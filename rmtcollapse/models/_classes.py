r"""Classes with a mean and a covariance: parameters that the models of classifiers share, and where they lead.

A class is given by `dimension` and `mean_norm`, with the covariance one, or by `mean` and `covariance`. The theory
depends on means and other vectors through a few directions only: with covariances one, directions that no vector has
are one coordinate with a multiplicity; with diagonal ones everything costs as much as a vector does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import MissingParameterError, ParameterError
from rmtcollapse.models._covariance import copied_covariance, copied_vector, is_variance
from rmtcollapse.models._parameters import array, count, nonnegative

if TYPE_CHECKING:
    from rmtcollapse.experiments.classification import Mixture

__all__ = [
    "Directions",
    "check_class",
    "class_covariance",
    "class_dimension",
    "class_directions",
    "class_mean",
    "class_mean_norm",
    "class_mixture",
    "directions",
    "labelled_mixtures",
]

Array = NDArray[np.float64]


def class_dimension(instead: str = "mean") -> Any:
    """Declaration of `dimension`, in place of which there is another parameter."""
    return count("p", f"number of features; not needed with {instead}", default=None, optional=True)


def class_mean_norm(instead: str = "mean") -> Any:
    """Declaration of `mean_norm`, in place of which there is another parameter."""
    meaning = f"length of the class mean; not given with {instead}"
    return nonnegative(r"|\mu|", meaning, unit="feature", default=None, optional=True)


def class_mean() -> Any:
    """Declaration of `mean`."""
    meaning = "mean of the positive class, in place of dimension and mean_norm"
    return array(
        r"\mu", meaning, "finite numbers (d,)", "d", unit="feature", default=None, optional=True, copied=copied_vector
    )


def class_covariance() -> Any:
    """Declaration of `covariance`."""
    return array(
        "C", "covariance within a class, one if not given",
        "a symmetric positive semi-definite matrix (d, d), or its diagonal (d,), not zero", "d", "d",
        check=is_variance, unit="squared feature", default=None, optional=True, ranks=(1, 2),
        copied=copied_covariance,
    )  # fmt: skip


def check_class(values: Mapping[str, Any], plural: str = "") -> None:
    """Refuse `dimension`, `mean_norm`, `mean` and `covariance` that say too little, too much, or what disagrees.

    With `plural` ``"s"`` the latter are `means` and `covariances`, arrays of those of all classes.
    """
    one, form = f"mean{plural}", f"covariance{plural}"
    mean, covariance = values[one], values[form]
    if mean is None:
        for name, meaning in (("dimension", "number of features"), ("mean_norm", "length of the class mean")):
            if values[name] is None:
                instead = f"or {one} and, if not one, {form} in place of dimension and mean_norm"
                raise MissingParameterError(name, None, f"{meaning}, {instead}")
        if covariance is not None:
            raise ParameterError(form, covariance, f"given together with {one}, in place of mean_norm")
        return
    if values["mean_norm"] is not None:
        raise ParameterError("mean_norm", values["mean_norm"], f"left out where {one} is given")
    d = mean.shape[-1]
    if values["dimension"] not in (None, d):
        raise ParameterError("dimension", values["dimension"], f"left out, or {d} as {one} has it")
    if covariance is not None and covariance.shape[-1] != d:
        full, diagonal = (*mean.shape, d), mean.shape
        raise ParameterError(f"{form} of shape", covariance.shape, f"shape {full} or {diagonal}, as {one} has it")


@dataclass(frozen=True)
class Directions:
    """Vectors and covariances in the coordinates of a :class:`~rmtcollapse.equivalents.groups_solver.Classifier`.

    Attributes
    ----------
    basis : array (d, r)
        The vectors, one a column: in coordinates of this basis vector *k* is the unit vector *k*.
    covariances : tuple of array
        All (d, d), or all diagonals (d,).
    multiplicity : array (d,) or None
        Directions that a coordinate stands for, where it is not one.
    """

    basis: Array
    covariances: tuple[Array, ...]
    multiplicity: Array | None = None


def directions(
    vectors: Sequence[Array] | Array, covariances: Sequence[Array | None], dimension: int | None = None
) -> Directions:
    """Coordinates for some vectors and covariances.

    Parameters
    ----------
    vectors : array (r, k)
        Means and whatever else matters. Without covariances *k* may be less than `dimension`: further coordinates
        are zero.
    covariances : sequence
        Matrix (d, d), diagonal (d,), or None for one.
    dimension : int, optional
        Features, *k* if not given.
    """
    columns = np.array(vectors, dtype=float).T
    if all(c is None for c in covariances):
        basis: Array = np.asarray(np.linalg.qr(columns, mode="r"))
        rest = (len(columns) if dimension is None else dimension) - len(basis)
        counts = np.ones(len(basis))
        if rest:
            basis, counts = np.vstack([basis, np.zeros(basis.shape[1])]), np.append(counts, float(rest))
        return Directions(basis, (np.ones(len(basis)),) * len(covariances), counts)
    full = [np.ones(len(columns)) if c is None else c for c in covariances]
    if any(c.ndim == 2 for c in full):
        full = [c if c.ndim == 2 else np.diag(c) for c in full]
    return Directions(columns, tuple(full))


def class_directions(model: Any) -> Directions:
    """Coordinates for the one class of a model with these parameters: a vector and a covariance."""
    if model.mean is None:
        return directions([np.array([model.mean_norm])], [None], model.dimension)
    return directions([model.mean], [model.covariance])


def class_mixture(model: Any) -> Mixture:
    """What the laboratory draws the two classes of such a model from."""
    from rmtcollapse.experiments.classification import Mixture

    mean = model.mean
    if mean is None:
        mean = np.zeros(model.dimension)
        mean[0] = model.mean_norm
    return Mixture(mean, np.ones(len(mean)) if model.covariance is None else model.covariance)


def labelled_mixtures(model: Any) -> tuple[Mixture, Mixture]:
    """What the laboratory draws the classes labelled 1 and -1 from, for a model with `means` and `covariances`."""
    from rmtcollapse.experiments.classification import Mixture

    means, covariances = model.means, model.covariances
    if means is None:
        means = np.zeros((2, model.dimension))
        means[:, 0] = model.mean_norm, -model.mean_norm
    forms = np.ones_like(means) if covariances is None else covariances
    return Mixture(means[0], forms[0]), Mixture(means[1], forms[1])
