"""What to say of values at an interpolation threshold; kept apart, so that engines without SymPy can say it too."""

from __future__ import annotations

__all__ = ["GENERATOR_THRESHOLD", "THRESHOLD", "WIDTH_THRESHOLD"]

THRESHOLD = "interpolation threshold: samples equal the rank and ridge is 0; noise is amplified without bound"
WIDTH_THRESHOLD = "interpolation threshold: samples equal the width and ridge is 0; everything unlearned is amplified"
GENERATOR_THRESHOLD = (
    "interpolation threshold: generated rows equal the generator's sample and ridge is 0; wrong labels are amplified "
    "without bound"
)
