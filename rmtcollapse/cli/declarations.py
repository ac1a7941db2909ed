"""What the names of an expression on the command line mean: matrices that are random or not, features, numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sympy as sp

from rmtcollapse import derive as dv
from rmtcollapse.cli.expression import FUNCTIONS, Unit, names_in, parse_expression
from rmtcollapse.errors import ParameterError, did_you_mean

__all__ = ["Scope"]

_GAUSSIAN = re.compile(r"\s*(\w+)\s*:\s*(\w+)\s+[x×]\s+(\w+)\s*(?:,(.*))?", re.DOTALL)
_COMMUTING = re.compile(r"\s*(\w+(?:[\s,]+\w+)*)\s*:\s*(\w+)\s*")
_FEATURES = re.compile(r"\s*(\w+)\s*:\s*(\w+)\s*\(\s*(\w+)\s*[*@]\s*(\w+)\s*\)\s*(,\s*centred)?\s*")
_OPTIONS = {"cov": "colcov", "colcov": "colcov", "rowcov": "rowcov", "variance": "variance", "symmetric": "symmetric"}


@dataclass(frozen=True)
class _Declared:
    """One --gaussian, as text."""

    text: str
    name: str
    rows: str
    columns: str
    options: dict[str, str]

    @classmethod
    def of(cls, text: str) -> _Declared:
        match = _GAUSSIAN.fullmatch(text)
        if match is None:
            raise ParameterError("gaussian", text, 'a name and a shape, such as "X: n x d, cov S"')
        name, rows, columns, rest = match.groups()
        options: dict[str, str] = {}
        for part in rest.split(",") if rest else ():
            key, _, value = part.strip().replace("=", " ", 1).partition(" ")
            if key not in _OPTIONS or _OPTIONS[key] in options or (key == "symmetric") == bool(value.strip()):
                domain = f"an option of {', '.join(_OPTIONS)}, once each, such as cov S or variance 1/n"
                raise ParameterError("gaussian", part.strip(), domain + did_you_mean(key, _OPTIONS))
            options[_OPTIONS[key]] = value
        return cls(text, name, rows, columns, options)

    def deterministic(self) -> list[tuple[str, str]]:
        """Matrices that its covariances name, with their dimension."""
        found = []
        for key, dimension in (("rowcov", self.rows), ("colcov", self.columns)):
            names = names_in(self.options.get(key, ""))
            alone = self.options.get(key, "").split() == names
            found += [(n, dimension) for n in names if (alone or n[0].isupper()) and not _is_identity(n)]
        return found


def _is_identity(name: str) -> bool:
    return name == "I" or name.startswith("I_")


class Scope:
    """What names mean. All deterministic matrices of one dimension commute: they are given by joint eigenvalues."""

    def __init__(
        self, gaussian: Iterable[str], commuting: Iterable[str], features: Iterable[str], valued: Iterable[str]
    ) -> None:
        declared = [_Declared.of(text) for text in gaussian]
        self.valued, self.kinds = set(valued), dict[str, str]()
        families = _families(commuting, declared)
        self.dims: dict[str, Any] = {}
        for name in [*(side for g in declared for side in (g.rows, g.columns)), *families]:
            if name not in self.dims:
                self._claim(name, "a dimension")
                self.dims[name] = dv.dims(name)
        self.matrices: dict[str, Any] = {}
        for dimension, names in families.items():
            for name in names:
                self._claim(name, "a deterministic matrix")
            made = dv.commuting(" ".join(names), self.dims[dimension])
            self.matrices.update(zip(names, made if len(names) > 1 else [made], strict=True))
        for g in declared:
            self._claim(g.name, "a Gaussian matrix")
        self.matrices.update({g.name: self._letter(g) for g in declared})
        for text in features:
            self._declare_features(text)

    def _declare_features(self, text: str) -> None:
        match = _FEATURES.fullmatch(text)
        if match is None or match[3] not in self.matrices or match[4] not in self.matrices:
            domain = 'a name and an activation of a product of two --gaussian matrices, such as "F: relu(X*W), centred"'
            raise ParameterError("features", text, domain)
        name, activation, data, weights, centred = match.groups()
        self._claim(name, "random features")
        self.matrices[name] = dv.features(
            self.matrices[data], self.matrices[weights], activation, centred=centred is not None
        )

    def _claim(self, name: str, kind: str) -> None:
        if _is_identity(name) or name in FUNCTIONS:
            raise ParameterError("name", name, f"a name of your own: {name} is kept for the language")
        if name in self.kinds:
            raise ParameterError("name", name, f"one thing: it is {self.kinds[name]}, and {kind}")
        self.kinds[name] = kind

    def _letter(self, g: _Declared) -> Any:
        rows, columns = self.dims[g.rows], self.dims[g.columns]
        read = {k: parse_expression(v, self, f"gaussian {g.name} {k}") for k, v in g.options.items() if v}
        side = {"rowcov": rows, "colcov": columns}
        read = {k: v.factor * dv.identity(side[k]) if isinstance(v, Unit) and k in side else v for k, v in read.items()}
        if "variance" in read and not isinstance(read["variance"], sp.Expr | sp.MatrixExpr):
            raise ParameterError("gaussian", g.text, "a variance that is a number, such as variance 1/n")
        if "symmetric" not in g.options:
            return dv.gaussian(g.name, rows, columns, **read)
        if g.rows != g.columns or set(g.options) - {"symmetric", "variance"}:
            raise ParameterError(
                "gaussian", g.text, 'symmetric: square and without covariances, as "W: d x d, symmetric"'
            )
        return dv.symmetric(g.name, rows, **read)

    def __call__(self, name: str) -> Any:
        if name in self.matrices or name in self.dims:
            return self.matrices.get(name, self.dims.get(name))
        if name == "I":
            return Unit(sp.S.One)
        if name.startswith("I_") and name[2:] in self.dims:
            return dv.identity(self.dims[name[2:]])
        if name in self.valued or not name[0].isupper():
            return dv.scalar(name)
        raise ParameterError(
            name,
            name,
            f'a declared matrix{did_you_mean(name, self.matrices)}: give --gaussian "{name}: n x d" if it is random, '
            f'--commuting "{name}: d" if not, or --set {name}=0.5 if it is a number',
        )


def _families(commuting: Iterable[str], declared: Iterable[_Declared]) -> dict[str, list[str]]:
    """Names of the deterministic matrices of each dimension."""
    listed: list[tuple[str, str]] = []
    for text in commuting:
        match = _COMMUTING.fullmatch(text)
        if match is None:
            raise ParameterError("commuting", text, 'names and their dimension, such as "S G: d"')
        listed += [(name, match[2]) for name in re.split(r"[\s,]+", match[1])]
    pairs = dict.fromkeys([*listed, *(pair for g in declared for pair in g.deterministic())])
    return {t: [name for name, other in pairs if other == t] for t in dict.fromkeys(t for _, t in pairs)}
