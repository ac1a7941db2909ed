r"""The score by which weights are pruned, :math:`Y=|w||\zeta|^a`, as symbols, and as many-digit numbers.

*w*, :math:`\zeta` are independent standard normal variables; *a* is 0 for the magnitude of the weight and 1 for its
product with a random sensitivity. Where the score has the density *p*, the squared weights are spread over it with the
density :math:`-x\,p'(x)`, so that :math:`E[w^2;Y>x]=P(Y>x)+x\,p(x)` for both. With *a* = 1 the density is
:math:`\frac2\pi K_0`, and :math:`P(Y>x)=\frac2\pi\int_0^\infty e^{-x\cosh t}\,dt/\cosh t`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp

__all__ = ["REFERENCE", "ScoreBase", "score_cdf", "score_density", "score_fall", "score_square", "score_tail"]


class ScoreBase(sp.Function):  # type: ignore[misc]
    """A function that a generated module calls by its own name; arguments x >= 0 and a."""

    nargs = 2

    def _latex(self, printer: Any) -> str:
        return self._text(*(printer._print(x) for x in self.args))

    def _text(self, x: str, a: str) -> str:
        raise NotImplementedError


class score_cdf(ScoreBase):  # noqa: N801 - a mathematical function, named as SymPy names them
    """P(Y <= x), to rounding of itself however small."""

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return score_density(*self.args)

    def _text(self, x: str, a: str) -> str:
        return rf"\operatorname{{P}}\left(|w||\zeta|^{{{a}}}\le {x}\right)"


class score_tail(ScoreBase):  # noqa: N801
    """P(Y > x), to rounding of itself however small."""

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return -score_density(*self.args)

    def _text(self, x: str, a: str) -> str:
        return rf"\operatorname{{P}}\left(|w||\zeta|^{{{a}}}> {x}\right)"


class score_density(ScoreBase):  # noqa: N801
    """The density p of Y."""

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return -score_fall(*self.args)

    def _text(self, x: str, a: str) -> str:
        return rf"p_{{|w||\zeta|^{{{a}}}}}\left({x}\right)"


class score_fall(ScoreBase):  # noqa: N801
    """How fast the density falls, -p'(x)."""

    def _text(self, x: str, a: str) -> str:
        return rf"-p'_{{|w||\zeta|^{{{a}}}}}\left({x}\right)"


class score_square(ScoreBase):  # noqa: N801
    """E[w^2; Y <= x], to rounding of itself however small."""

    def _text(self, x: str, a: str) -> str:
        return rf"\operatorname{{E}}\left(w^2;\,|w||\zeta|^{{{a}}}\le {x}\right)"


# ---- to many digits -------------------------------------------------------------------------------------------------


def _cdf(x: Any, a: Any) -> Any:
    import mpmath as mp

    if not a:
        return mp.erf(x / mp.sqrt(2))
    return x * (mp.besselk(0, x) * mp.struvel(-1, x) + mp.besselk(1, x) * mp.struvel(0, x))


def _tail(x: Any, a: Any) -> Any:
    import mpmath as mp

    if not a:
        return mp.erfc(x / mp.sqrt(2))
    with mp.workprec(int(mp.mp.prec + 2 * x) + 10):  # what cancels is exp(-x)
        found = 1 - _cdf(x, a)
    return +found


def _density(x: Any, a: Any) -> Any:
    import mpmath as mp

    return 2 / mp.pi * mp.besselk(0, x) if a else 2 * mp.npdf(x)


def _fall(x: Any, a: Any) -> Any:
    import mpmath as mp

    return 2 / mp.pi * mp.besselk(1, x) if a else 2 * x * mp.npdf(x)


def _square(x: Any, a: Any) -> Any:
    import mpmath as mp

    if not a:
        return mp.gammainc(mp.mpf(3) / 2, 0, x**2 / 2, regularized=True)
    return _cdf(x, a) - x * _density(x, a)


REFERENCE: Mapping[Any, Callable[[Any, Any], Any]] = {
    score_cdf: _cdf,
    score_tail: _tail,
    score_density: _density,
    score_fall: _fall,
    score_square: _square,
}
