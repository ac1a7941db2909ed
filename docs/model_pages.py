"""One page a model, made from the registry: statement, parameters, values, equations, interface."""

from __future__ import annotations

from pathlib import Path

from rmtcollapse.models import model_classes
from rmtcollapse.models._parameters import default_of

__all__ = ["write_model_pages"]

_INHERITED = ["theory", "evolve", "resized", "latex"]
_PLUMBING = {"system", "arguments", "check", "limits", "sweepable"}


def write_model_pages(folder: Path) -> None:
    """Write ``<model>.rst`` for every model, and an index; pages of models that are gone are removed."""
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.rst"):
        old.unlink()
    classes = model_classes()
    for name, cls in classes.items():
        (folder / f"{name}.rst").write_text(_page(cls), encoding="utf-8")
    lines = [_title("Models"), ".. toctree::", "   :maxdepth: 1", "", *(f"   {name}" for name in classes), ""]
    (folder / "index.rst").write_text("\n".join(lines), encoding="utf-8")


def _title(text: str, mark: str = "=") -> str:
    return f"{text}\n{mark * len(text)}\n"


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in (header, *rows):
        lines += [f"   {'*' if i == 0 else ' '} - {cell}" for i, cell in enumerate(row)]
    return "\n".join(lines) + "\n"


def _members(cls: type) -> str:
    """What a user calls: the model's own public methods, and the inherited ones worth a line."""
    own = [n for n, f in vars(cls).items() if callable(f) and not n.startswith("_") and n not in _PLUMBING]
    return ", ".join([*own, *(n for n in _INHERITED if n not in own)])


def _page(cls: type) -> str:
    parameters = [
        (f"``{n}``", f":math:`{s.symbol}`" if s.symbol else "", s.domain, f"``{default_of(cls, n)}``", s.meaning)
        for n, s in cls.specs().items()
    ]
    values = [(f"``{n}``", meaning) for n, meaning in cls.VALUES.items()]
    equations = cls.latex().replace("\n", "\n   ")
    return "\n".join(
        [
            _title(cls.__name__),
            f".. automodule:: {cls.__module__}\n",
            _title("Parameters", "-"),
            _table(("name", "symbol", "domain", "default", "meaning"), parameters),
            _title("Values", "-"),
            _table(("name", "meaning"), values),
            _title("Equations", "-"),
            "Printed from the expressions that are compiled and solved.\n",
            f".. math::\n\n   {equations}\n",
            _title("On the command line", "-"),
            f".. code-block:: sh\n\n   rmtcollapse show {cls.name()}\n   rmtcollapse theory {cls.name()} --help\n",
            _title("Interface", "-"),
            f".. autoclass:: {cls.__module__}.{cls.__name__}\n   :members: {_members(cls)}\n   :inherited-members:\n",
        ]
    )
