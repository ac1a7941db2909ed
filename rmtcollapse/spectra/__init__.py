"""What a spectrum is.

Here live population spectra (the atoms of a covariance with the target's energy on each, however obtained) and, beside
them, limiting laws: densities, transforms, edges and free convolutions. Models, simulated matrices and plotting never
live here: nothing in this folder knows what a spectrum is used for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rmtcollapse.spectra.population import Spectrum

if TYPE_CHECKING:
    from rmtcollapse.spectra.continuous import Exponential, PowerLawDensity, Uniform
    from rmtcollapse.spectra.dyson import DysonLaw
    from rmtcollapse.spectra.free import Affine, FreeAdditivePower, FreeMultiplicativePower, FreeProduct, FreeSum
    from rmtcollapse.spectra.inverse import estimate_population, nonlinear_shrinkage, shrink_covariance
    from rmtcollapse.spectra.law import Law
    from rmtcollapse.spectra.laws import Atoms, FreePoisson, FussCatalan, MarchenkoPastur, Semicircle
    from rmtcollapse.spectra.sample_covariance import SampleCovariance
    from rmtcollapse.spectra.statistics import linear_statistic

__all__ = [
    "Affine",
    "Atoms",
    "DysonLaw",
    "Exponential",
    "FreeAdditivePower",
    "FreeMultiplicativePower",
    "FreePoisson",
    "FreeProduct",
    "FreeSum",
    "FussCatalan",
    "Law",
    "MarchenkoPastur",
    "PowerLawDensity",
    "SampleCovariance",
    "Semicircle",
    "Spectrum",
    "Uniform",
    "estimate_population",
    "linear_statistic",
    "nonlinear_shrinkage",
    "shrink_covariance",
]

_HOMES = {
    "continuous": ("Exponential", "PowerLawDensity", "Uniform"),
    "dyson": ("DysonLaw",),
    "free": ("Affine", "FreeAdditivePower", "FreeMultiplicativePower", "FreeProduct", "FreeSum"),
    "inverse": ("estimate_population", "nonlinear_shrinkage", "shrink_covariance"),
    "law": ("Law",),
    "laws": ("Atoms", "FreePoisson", "FussCatalan", "MarchenkoPastur", "Semicircle"),
    "sample_covariance": ("SampleCovariance",),
    "statistics": ("linear_statistic",),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
