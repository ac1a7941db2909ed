"""Methods that live on a higher floor, found by name when called: results have ``.plot`` without knowing plots."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

__all__ = ["deferred"]


def deferred(module: str, function: str) -> Callable[..., Any]:
    """A method that calls ``module.function(self, ...)``; the module is imported at the first call."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(import_module(module), function)(self, *args, **kwargs)

    method.__name__ = method.__qualname__ = function
    method.__doc__ = f"See :func:`{module}.{function}`."
    return method
