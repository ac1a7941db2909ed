"""What a spectrum is.

Here live population spectra (the atoms of a covariance with the target's energy on each, however obtained) and, beside
them, limiting laws: densities, transforms, edges and free convolutions. Models, simulated matrices and plotting never
live here: nothing in this folder knows what a spectrum is used for.
"""

from rmtcollapse.spectra.population import Spectrum

__all__ = ["Spectrum"]
