"""What a user has of a model's collapse: arrays over generations, or a sweep with its axes and its other values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rmtcollapse.errors import ParameterError, UnknownParameterError, did_you_mean

__all__ = ["Array", "Curve", "array_of", "read"]

Array: TypeAlias = NDArray[np.float64]

_TIMES = {"generations": 0, "iterations": 1, "rounds": 0}  # axis of a sweep: its value on real data


@dataclass(frozen=True)
class Curve:
    """Risk and its errors (g, n), times since the real data (g,), sample sizes (n,) or None, and what else is known."""

    risk: Array
    errors: Array
    times: Array
    sizes: Array | None
    limit: float | None
    variance: ArrayLike | None
    tail: ArrayLike | None


def read(curve: Any, value: str, **given: Any) -> Curve:
    """Arrays as given, or from a sweep where not given; refuses what does not fit together."""
    if hasattr(curve, "data_vars") or any(d in _TIMES for d in getattr(curve, "dims", ())):
        dataset = curve if hasattr(curve, "data_vars") else curve.to_dataset(name=value)
        held = _from_dataset(dataset, value)
        curve = held.pop("curve")
        given = {**held, **{name: own for name, own in given.items() if own is not None or name not in held}}
    risk = array_of("curve", curve, infinite=True)
    if risk.ndim not in (1, 2) or risk.shape[0] < 2 or risk.size == 0:
        raise ParameterError("shape of curve", risk.shape, "(generations,) or (generations, samples), two or more")
    errors, times = np.zeros(risk.shape), np.arange(float(risk.shape[0]))
    if given["standard_error"] is not None:
        errors = array_of("standard_error", given["standard_error"], risk.shape)
    if given["generations"] is not None:
        times = _increasing("generations", given["generations"], risk.shape[0])
    if given["limit"] is not None:
        array_of("limit", given["limit"], (), infinite=True)
    tall = (risk.shape[0], -1)
    sizes = _sizes(given["samples"], risk)
    return Curve(
        risk.reshape(tall), errors.reshape(tall), times, sizes, given["limit"], given["variance"], given["tail"]
    )


def _sizes(samples: Any, risk: Array) -> Array | None:
    if risk.ndim == 2:
        if samples is None:
            raise ParameterError("samples", None, f"the {risk.shape[1]} sample sizes of a two-dimensional curve")
        return _increasing("samples", samples, risk.shape[1])
    if samples is not None:
        raise ParameterError("samples", samples, "given with a two-dimensional curve (generations, samples)")
    return None


def _from_dataset(dataset: Any, value: str) -> dict[str, Any]:
    """What a sweep holds: the curve, its errors, its axes, and what else its model predicts."""
    axes = [name for name in _TIMES if name in dataset.dims]
    if len(axes) != 1:
        raise ParameterError("dimensions of the sweep", tuple(dataset.dims), f"one of {', '.join(_TIMES)} among them")
    (axis,) = axes
    if value not in dataset:
        known = [str(name) for name in dataset.data_vars]
        raise UnknownParameterError(
            value, value, f"a value of this sweep{did_you_mean(str(value), known)}; it has {', '.join(known)}"
        )
    rest = [str(d) for d in dataset.dims if d not in (axis, "samples") and dataset.sizes[d] > 1]
    if rest:
        raise ParameterError("dimensions of the sweep", tuple(dataset.dims), f"one cell of {', '.join(rest)}, by .sel")
    flat = dataset.squeeze([d for d in dataset.dims if d not in (axis, "samples")], drop=True)
    flat = flat.transpose(axis, *(["samples"] if "samples" in flat.dims else []))
    found: dict[str, Any] = {"curve": flat[value].values, "generations": flat[axis].values - _TIMES[axis]}
    if "samples" in flat.dims:
        found["samples"] = flat["samples"].values
    errors = f"{value.removesuffix('_simulated')}_standard_error"
    if value.endswith("_simulated") and errors in flat:
        found["standard_error"] = flat[errors].values
    last = flat.isel(samples=-1) if "samples" in flat.dims else flat
    if "limit" in last and value in ("test_error", "test_error_simulated"):
        found["limit"] = float(last["limit"].values[-1])
    if "expected_variance" in last:
        found["variance"] = last["expected_variance"].values
    if "collision_probability" in last:
        found["variance"] = 1 - last["collision_probability"].values
    if "surviving_tokens" in last:
        found["tail"] = last["surviving_tokens"].values
    return found


def array_of(name: str, value: ArrayLike, shape: tuple[int, ...] | None = None, infinite: bool = False) -> Array:
    """An array of numbers >= 0, of this shape; infinite ones only if asked for."""
    domain = "an array of numbers >= 0" + (f" of shape {shape}" if shape else "")
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ParameterError(name, value, domain) from None
    bad = np.isnan(array) | (array < 0) | (np.isinf(array) & (not infinite))
    if bad.any():
        raise ParameterError(name, float(array[bad][0]), domain)
    if shape is not None and array.shape != shape:
        raise ParameterError(f"shape of {name}", array.shape, str(shape))
    return array


def _increasing(name: str, value: ArrayLike, size: int) -> Array:
    array = array_of(name, value, (size,))
    if np.any(np.diff(array) <= 0):
        raise ParameterError(name, list(array), "increasing numbers")
    return array
