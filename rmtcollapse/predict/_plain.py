"""Plain values of a forecast."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

__all__ = ["plain_values"]


def plain_values(forecast: Any, curves: tuple[str, ...]) -> dict[str, Any]:
    """What a forecast holds, by name; of its curves also their gaps, and arrays as lists."""
    made = asdict(forecast)
    for name in curves:
        values = {**made[name], "gaps": getattr(forecast, name).gaps}
        made[name] = {k: v.tolist() if hasattr(v, "tolist") else v for k, v in values.items()}
    return made
