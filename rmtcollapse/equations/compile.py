"""From a system to loaded modules: generated once, found again without SymPy, never stale.

The text of a generated module is stored under the digest of that text. A manifest says which module belongs to a set
of *sources*: the files that define a system (the model's own and what it imports from beside itself, ``equations/``,
``equivalents/``) and the versions of SymPy, Numba and the generator. Edit a formula and the digest of the sources
changes, so the next call generates anew.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from threading import RLock
from types import ModuleType
from typing import TYPE_CHECKING, Literal

from rmtcollapse._cache import cache_folder, text_digest, write_atomically

if TYPE_CHECKING:
    from rmtcollapse.equations.system import System

__all__ = ["Compiled"]

_Form = Literal["numpy", "numba"]
_PACKAGE = Path(__file__).resolve().parent.parent
_LOCK = RLock()


@cache
def _shared_digest() -> str:
    files = sorted(
        p for f in ("equations", "equivalents") for p in (_PACKAGE / f).iterdir() if p.suffix in (".py", ".in")
    )
    versions = [f"{name} {version(name)}" for name in ("sympy", "numba")]
    return text_digest(*versions, sys.version, *(p.read_bytes() for p in files))


def _with_imports(files: Iterable[Path]) -> list[Path]:
    """The files, and those beside them that they import, directly or not; imports inside functions count."""
    found: set[Path] = set()
    new = set(files)
    while new:
        found |= new
        names = {(p.parent, m) for p in new for m in re.findall(r"\brmtcollapse\.\w+\.(\w+)", p.read_text("utf-8"))}
        new = {path for folder, name in names if (path := folder / f"{name}.py").exists()} - found
    return sorted(found)


class Compiled:
    """The generated modules of one system, made when first asked for.

    Parameters
    ----------
    name : str
        Distinguishes the systems that one set of sources defines.
    build : callable
        Returns the :class:`~rmtcollapse.equations.system.System`; called only when no stored module fits.
    sources : iterable of Path
        Files that define the system, besides ``equations/``, ``equivalents/`` and what they import from their own
        folder. If empty (a class typed into a
        notebook), the system is built in every process.
    """

    def __init__(self, name: str, build: Callable[[], System], sources: Iterable[Path]) -> None:
        self._name = name
        self._build = build
        self._sources = tuple(sources)
        self._modules: dict[str, ModuleType] = {}

    @property
    def numpy(self) -> ModuleType:
        """The form for single points."""
        return self._module("numpy")

    @property
    def numba(self) -> ModuleType:
        """The form for grids."""
        return self._module("numba")

    def _module(self, form: _Form) -> ModuleType:
        if form not in self._modules:
            with _LOCK:
                if form not in self._modules:
                    self._modules[form] = self._find(form) or self._make(form)
        return self._modules[form]

    def _manifest(self, form: _Form) -> Path | None:
        if not self._sources:
            return None
        files = _with_imports(self._sources)
        key = text_digest(_shared_digest(), self._name, form, *(p.read_bytes() for p in files))
        return cache_folder() / "manifest" / f"{key}.json"

    def _find(self, form: _Form) -> ModuleType | None:
        manifest = self._manifest(form)
        try:
            digest = json.loads(manifest.read_text(encoding="utf-8"))["module"] if manifest else None
            text = _module_path(digest).read_text(encoding="utf-8") if digest else ""
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return _load(digest) if digest and text_digest(text) == digest else None

    def _make(self, form: _Form) -> ModuleType:
        from rmtcollapse.equations.generate import numba_module, numpy_module

        text = (numpy_module if form == "numpy" else numba_module)(self._build())
        digest = text_digest(text)
        path = _module_path(digest)
        if not path.exists() or path.read_bytes() != text.encode():
            write_atomically(path, text)
        manifest = self._manifest(form)
        if manifest:
            write_atomically(manifest, json.dumps({"module": digest, "system": self._name, "form": form}))
        return _load(digest)


def _module_path(digest: str) -> Path:
    return cache_folder() / "modules" / f"rmtcollapse_{digest}.py"


def _load(digest: str) -> ModuleType:
    path = _module_path(digest)
    name = path.stem
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Before it runs: Numba's disk cache looks its functions' module up by name.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
