"""rmtcollapse: a random-matrix-theory calculator for model collapse and its neighbours.

The front door is lazy: importing it loads nothing heavy, and every name loads what it needs when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rmtcollapse import derive, figures, models, plotting, spectra
    from rmtcollapse.errors import ConvergenceError, NoExactValueError, ParameterError
    from rmtcollapse.experiments.simulate import simulate
    from rmtcollapse.experiments.sweep import sweep
    from rmtcollapse.experiments.verify import verify
    from rmtcollapse.predict import predict_regression, predict_tail
    from rmtcollapse.spectra.population import Spectrum

__all__ = [
    "ConvergenceError",
    "NoExactValueError",
    "ParameterError",
    "Spectrum",
    "derive",
    "figures",
    "models",
    "plotting",
    "predict_regression",
    "predict_tail",
    "simulate",
    "spectra",
    "sweep",
    "verify",
]
__version__ = "0.1.0"

_HOMES = {
    "ConvergenceError": "errors",
    "NoExactValueError": "errors",
    "ParameterError": "errors",
    "Spectrum": "spectra.population",
    "predict_regression": "predict",
    "predict_tail": "predict",
    "simulate": "experiments.simulate",
    "sweep": "experiments.sweep",
    "verify": "experiments.verify",
}
_MODULES = ("derive", "figures", "models", "plotting", "spectra")


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
