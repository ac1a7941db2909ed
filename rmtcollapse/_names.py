"""Class names, file names and command-line names of models, one from another."""

from __future__ import annotations

import re

__all__ = ["kebab_case", "snake_case"]

_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def snake_case(name: str) -> str:
    """``BaggedLSSVM`` -> ``bagged_lssvm``, ``RidgeRegression`` -> ``ridge_regression``."""
    return _BOUNDARY.sub("_", name).lower()


def kebab_case(name: str) -> str:
    """``RidgeRegression`` -> ``ridge-regression``."""
    return snake_case(name).replace("_", "-")
