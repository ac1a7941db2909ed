"""One file per theorem; each reads top to bottom like the paper it comes from.

Here live the models: parameters, equations, one finite-size experiment, exact statements. Here never live solvers,
plots or the command line. Every module whose name does not begin with an underscore holds one model, whose class name
is the module's name in CamelCase; that is the whole registry, so adding a theorem is adding one file.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rmtcollapse._names import snake_case

if TYPE_CHECKING:
    from rmtcollapse.models._base import Model
    from rmtcollapse.models._collapse_report import collapse_report

__all__ = ["collapse_report", "model_classes"]


def model_classes() -> dict[str, type[Model]]:
    """All models of the package by command-line name, in alphabetical order."""
    from pkgutil import iter_modules

    from rmtcollapse.models._base import Model

    found = {}
    for info in iter_modules(__path__):
        if not info.name.startswith("_"):
            module = import_module(f"{__name__}.{info.name}")
            for item in vars(module).values():
                if isinstance(item, type) and issubclass(item, Model) and item.__module__ == module.__name__:
                    found[item.name()] = item
    return dict(sorted(found.items()))


def __getattr__(name: str) -> Any:
    if name == "collapse_report":
        return getattr(import_module(f"{__name__}._collapse_report"), name)
    if name.startswith("_") or not name[0].isupper():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    file = snake_case(name)
    try:
        module = import_module(f"{__name__}.{file}")
    except ModuleNotFoundError as error:
        if error.name != f"{__name__}.{file}":
            raise
    else:
        if hasattr(module, name):
            return getattr(module, name)
    from rmtcollapse.errors import did_you_mean

    classes = [cls.__name__ for cls in model_classes().values()]
    raise AttributeError(f"there is no model {name!r}{did_you_mean(name, classes)}; there are {', '.join(classes)}")


def __dir__() -> list[str]:
    return [*__all__, *(cls.__name__ for cls in model_classes().values())]
