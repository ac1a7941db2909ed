r"""Estimate a population spectrum, and how a target loads on it, from a sample.

Setting: n rows :math:`x_i` of covariance :math:`\Sigma` (d x d), labels :math:`y_i = c + x_i'w + \epsilon_i` with
:math:`\mathrm{Var}\,\epsilon_i = \sigma^2`. Columns and labels are centred, which leaves n - 1 degrees of freedom, and
:math:`X_c = U\,\mathrm{diag}(S)\,V'` has rank r. Sample eigenvalues are :math:`s_j = S_j^2/(n-1)`.

*Many rows*, n - 1 >= 2 r: ordinary least squares (textbook). With :math:`e_j = (u_j'y_c)^2/(n-1)`, given X,

.. math:: E\,e_j = s_j (v_j'w)^2 + \sigma^2/(n-1), \qquad E\,\mathrm{RSS} = (n-1-r)\,\sigma^2 .

*Few rows*, n - 1 < 2 r: restricted maximum likelihood for two variance components (Patterson and Thompson, Biometrika
1971; used for this purpose by Dicker and Erdogdu, AISTATS 2016). The coefficients are given an isotropic prior of total
energy :math:`\rho^2`, so that on the n - 1 centred directions

.. math:: y_c \sim N(0,\; (\rho^2/d)\, X_c X_c' + \sigma^2 I) .

Sources are the textbook's; the debiasing of the single :math:`e_j` by clipping and rescaling is derived here: their sum
is unbiased, one near zero is biased up. Its :math:`w_j^2 = e_j/s_j` is mostly noise where :math:`s_j` is small.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtcollapse.errors import ParameterError

__all__ = ["Estimate", "FloatArray", "covariance_eigensystem", "estimate", "real_array", "refuse_entry"]

FloatArray: TypeAlias = NDArray[np.float64]
EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Estimate:
    """What a sample says about its population.

    Attributes
    ----------
    eigenvalues : (d,) array
        Eigenvalues of the sample covariance, decreasing; exactly zero beyond the numerical rank.
    signal : (d,) array or None
        Estimated squared coefficients of the target on the sample eigenvectors; None without labels.
    noise_variance : float or None
        Estimated variance of the label noise; None without labels.
    """

    eigenvalues: FloatArray
    signal: FloatArray | None = None
    noise_variance: float | None = None


@dataclass(frozen=True)
class _Centred:
    """Centred data in its own basis: squared singular values (rank,), labels on them (rank,), and what is left over."""

    rows: int
    columns: int
    squares: FloatArray
    labels: FloatArray
    residual: float

    @property
    def freedom(self) -> int:
        """Degrees of freedom that the columns leave to the residual: n - 1 - rank."""
        return self.rows - 1 - self.squares.size


def refuse_entry(name: str, array: FloatArray, bad: NDArray[np.bool_], domain: str) -> None:
    """Raise `ParameterError` for the first entry of `array` marked in `bad`, naming its index; else do nothing."""
    if bad.any():
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        where = f" (row {index[0]}, column {index[1]}, counted from 0)" if array.ndim == 2 else ""
        raise ParameterError(f"{name}[{', '.join(map(str, index))}]", float(array[index]), domain + where)


def real_array(name: str, value: ArrayLike, shape: str, ndim: int) -> FloatArray:
    """Copy `value` to a new float64 array of finite numbers.

    Parameters
    ----------
    name : str
        Name of the parameter, for the message.
    value : array_like
        Booleans, integers or reals, without masked entries.
    shape : str
        The accepted shape in words, for the message.
    ndim : int
        Number of dimensions that it must have; every one must be non-empty.

    Raises
    ------
    ParameterError
        If `value` is ragged, not of a real type, masked, of another shape, empty, or has a ``nan`` or ``inf``.
    """
    try:
        raw = np.asarray(value)
    except (TypeError, ValueError):
        raise ParameterError(name, value, f"a rectangular array of real numbers, {shape}") from None
    if raw.dtype.kind not in "biuf":
        raise ParameterError(name, value, f"an array of real numbers, {shape} (this one has dtype {raw.dtype})")
    if np.ma.is_masked(value):
        raise ParameterError(name, value, "an array without masked entries")
    if raw.ndim != ndim or raw.size == 0:
        raise ParameterError(f"shape of {name}", raw.shape, f"{shape}, not empty")
    with np.errstate(over="ignore"):
        array = np.array(raw, dtype=np.float64)
    refuse_entry(name, array, ~np.isfinite(array), "a finite number")
    return array


def covariance_eigensystem(matrix: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Eigenvalues (d,), decreasing, and eigenvectors (d, d), one a column, of `matrix`; see `Spectrum.from_covariance`.

    Raises `ParameterError` for a matrix that is not square, symmetric and positive semi-definite, to rounding.
    """
    covariance = real_array("matrix", matrix, "(d, d): a covariance", 2)
    _refuse_asymmetric(covariance)
    diagonal = np.diag(covariance)
    if np.array_equal(covariance, np.diag(diagonal)):
        order, floor = np.argsort(-diagonal, kind="stable"), 0.0
        values, vectors = diagonal[order], np.eye(diagonal.size)[:, order]
    else:
        ascending, basis = np.linalg.eigh(covariance / 2 + covariance.T / 2)
        values, vectors, floor = ascending[::-1], basis[:, ::-1], EPS * diagonal.size
    if values[-1] < -1e-12 * max(float(values[0]), 0.0):
        domain = f"at least -1e-12 of the largest ({values[0]:.6g}): a covariance is positive semi-definite"
        raise ParameterError("smallest eigenvalue of matrix", float(values[-1]), domain)
    return np.where(values > floor * values[0], values, 0.0), vectors


def _refuse_asymmetric(matrix: FloatArray) -> None:
    if matrix.shape[0] != matrix.shape[1]:
        raise ParameterError("shape of matrix", matrix.shape, "(d, d): square")
    scale = float(np.abs(matrix).max())
    with np.errstate(over="ignore"):
        gap = np.abs(matrix - matrix.T)
    if (largest := float(gap.max())) > 1e-10 * scale:
        i, j = divmod(int(gap.argmax()), gap.shape[1])
        domain = f"at most 1e-10 of the largest entry (here {largest / scale:.3g} of it): a covariance is symmetric"
        raise ParameterError(f"|matrix[{i}, {j}] - matrix[{j}, {i}]|", largest, domain)


def estimate(X: ArrayLike, y: ArrayLike | None = None) -> Estimate:
    """Eigenvalues and, with labels, signal and noise variance, from X (n, d) and y (n,); see `Spectrum.from_data`.

    Raises `ParameterError` outside the domain stated there, or where the rows are too few to tell signal from noise.
    """
    rows = _checked_rows(X)
    if y is None:
        squares = _squares(np.linalg.svd(rows, compute_uv=False), rows.shape)
        return Estimate(_padded(squares / (rows.shape[0] - 1), rows.shape[1]))
    data = _decompose(rows, _checked_labels(y, rows.shape[0]))
    few = data.freedom < data.squares.size
    with np.errstate(over="ignore"):  # a signal too large for double precision is refused by Spectrum
        signal, noise = fit_components(data) if few else fit_least_squares(data)
    return Estimate(_padded(data.squares / (data.rows - 1), data.columns), signal, noise)


def _checked_rows(X: ArrayLike) -> FloatArray:
    """Centred rows."""
    rows = real_array("X", X, "(n, d): n rows of observations by d columns", 2)
    if rows.shape[0] < 2:
        raise ParameterError("rows of X", rows.shape[0], "at least 2: a covariance needs two observations")
    _refuse_huge("X", rows)
    constant = np.flatnonzero(np.ptp(rows, axis=0) == 0)
    if constant.size:
        j = int(constant[0])
        raise ParameterError(f"column {j} of X", float(rows[0, j]), "a column that varies; drop this constant one")
    return _centred(rows)


def _checked_labels(y: ArrayLike, n: int) -> FloatArray:
    """Centred labels."""
    labels = real_array("y", y, "(n,): one label a row of X", 1)
    if labels.size != n:
        raise ParameterError("length of y", labels.size, f"{n}, the number of rows of X")
    _refuse_huge("y", labels)
    if np.ptp(labels) == 0:
        raise ParameterError("y", float(labels[0]), "labels that vary; these are constant")
    return _centred(labels)


def _centred(array: FloatArray) -> FloatArray:
    """Subtract the means over rows, twice: what rounding leaves of a large mean would count as one more direction."""
    once: FloatArray = array - array.mean(axis=0)
    twice: FloatArray = once - once.mean(axis=0)
    return twice


def _refuse_huge(name: str, array: FloatArray) -> None:
    """Refuse entries whose sum of squares after centring could overflow."""
    limit = math.sqrt(float(np.finfo(np.float64).max) / array.size) / 4
    refuse_entry(name, array, np.abs(array) > limit, f"at most {limit:.3g} in size, so that variances are finite")


def _squares(singular: NDArray[np.floating[Any]], shape: tuple[int, ...]) -> FloatArray:
    """Squared singular values, decreasing, of the numerical rank: those above eps max(n, d) times the largest."""
    squares = np.square(singular, dtype=np.float64)
    if squares[0] < np.finfo(np.float64).tiny:
        raise ParameterError("variance of X", float(squares[0]), "a positive number in double precision; rescale X")
    return np.compress(squares > EPS * max(shape) * squares[0], squares)


def _decompose(rows: FloatArray, labels: FloatArray) -> _Centred:
    left, singular, _ = np.linalg.svd(rows, full_matrices=False)
    squares = _squares(singular, rows.shape)
    basis = left[:, : squares.size]
    if (energy := float(labels @ labels)) < np.finfo(np.float64).tiny / EPS**3:  # likelihood ratios reach eps^-2
        raise ParameterError("sum of squares of centred y", energy, "further from 0 in double precision; rescale y")
    projected = basis.T @ labels
    left_over = labels - basis @ projected
    full = squares.size == rows.shape[0] - 1
    return _Centred(rows.shape[0], rows.shape[1], squares, projected, 0.0 if full else float(left_over @ left_over))


def _padded(values: FloatArray, size: int) -> FloatArray:
    return np.concatenate([values, np.zeros(size - values.size)])


def debiased_energy(energy: FloatArray, bias: float) -> FloatArray:
    """Remove a common bias from energies, keep each >= 0, and keep the unbiased total (or 0, if that is negative).

    Clipping alone would bias the total up; the positive part is therefore rescaled to it.
    """
    total = float(np.sum(energy - bias))
    if total <= 0:
        return np.zeros_like(energy)
    positive = np.maximum(energy - bias, 0.0)
    return positive * (total / float(positive.sum()))


def fit_least_squares(data: _Centred) -> tuple[FloatArray, float]:
    r"""Squared coefficients (d,) and noise variance by least squares; needs `data.freedom` >= 1.

    .. math:: \hat\sigma^2 = \mathrm{RSS}/(n-1-r), \qquad \hat w_j^2 = (e_j - \hat\sigma^2/(n-1))_+ \cdot c / s_j ,

    with c such that :math:`\sum s_j \hat w_j^2` is its unbiased estimate.
    """
    noise = data.residual / data.freedom
    energy = debiased_energy(data.labels**2 / (data.rows - 1), noise / (data.rows - 1))
    return _padded(energy / (data.squares / (data.rows - 1)), data.columns), noise


def fit_components(data: _Centred) -> tuple[FloatArray, float]:
    r"""Squared coefficients (d,), all equal to :math:`\rho^2/d`, and noise variance by restricted maximum likelihood.

    Either component may be estimated as exactly 0, at the boundary of the search.
    """
    if data.freedom == 0 and np.ptp(data.squares) <= EPS * max(data.rows, data.columns) * data.squares[0]:
        domain = "enough rows, not all orthogonal and as long, to tell signal from noise (without y, 2 rows are enough)"
        raise ParameterError("rows of X", data.rows, domain)
    gram = data.squares / data.squares.mean()
    log_ratio = _best_log_ratio(data, gram)
    if log_ratio == math.inf:
        component, noise = float(np.mean(data.labels**2 / gram)), 0.0
    else:
        noise = _profiled_scale(log_ratio, data, gram)
        component = noise * math.exp(log_ratio)
    return np.full(data.columns, component / float(data.squares.mean())), noise


def _profiled_scale(log_ratio: float, data: _Centred, gram: FloatArray) -> float:
    """Most likely noise variance when the prior's component is exp(log_ratio) times as large."""
    whitened = data.labels**2 / (1 + math.exp(log_ratio) * gram)
    return (float(whitened.sum()) + data.residual) / (data.rows - 1)


def _deviance(log_ratio: float, data: _Centred, gram: FloatArray) -> float:
    """Minus twice the restricted log-likelihood, scale profiled out, up to a constant."""
    scale = _profiled_scale(log_ratio, data, gram)
    return float(np.log1p(math.exp(log_ratio) * gram).sum()) + (data.rows - 1) * math.log(scale)


def _best_log_ratio(data: _Centred, gram: FloatArray) -> float:
    """Most likely log ratio of the components: a grid of step 1/2 finds the valley, Brent's method the bottom.

    The grid ends where the larger component hides the smaller in double precision. An end that is best, to the rounding
    of the n logarithms, is the boundary: -inf (no signal) or, where the columns leave no residual, inf (no noise).
    """
    from scipy.optimize import minimize_scalar  # type: ignore[import-untyped, unused-ignore]

    low, high = math.log(EPS / gram[0]), -math.log(EPS * gram[-1])
    grid = np.linspace(low, high, 1 + math.ceil(2 * (high - low)))
    deviances = np.array([_deviance(float(t), data, gram) for t in grid])
    best = int(deviances.argmin())
    rounding = 4 * EPS * (data.rows * np.abs(grid).max() + np.abs(deviances).max())
    tied = deviances <= deviances[best] + rounding
    if tied[0]:
        return -math.inf
    if tied[-1]:
        return math.inf if data.freedom == 0 else float(grid[-1])
    bracket = (float(grid[best - 1]), float(grid[best + 1]))
    options = {"xatol": math.sqrt(EPS)}
    found = minimize_scalar(_deviance, args=(data, gram), bounds=bracket, method="bounded", options=options)
    return float(found.x)
