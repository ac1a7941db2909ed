r"""Functions of normal variables that formulas of selected data are made of, as symbols.

*G*, *G'* are independent standard normal variables. A row is kept where :math:`|G|\le\xi` (`easy` 0) or where
:math:`|G|>\xi` (`easy` 1); moments are those of the kept part, not divided by its probability. Values in double
precision are in :mod:`rmtcollapse.equations.normal_values`, written without cancellation; the reference in
:mod:`rmtcollapse.equations.normal_reference` is written from the definitions.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

__all__ = [
    "NormalBase",
    "angle_share",
    "binormal_cdf",
    "height",
    "kept_bound",
    "kept_pull",
    "kept_push",
    "kept_square",
    "less_product",
    "normal_pdf",
    "quotient",
]


class NormalBase(sp.Function):  # type: ignore[misc]
    """A function that a generated module calls by its own name (SymPy's printers look for a name that ends so)."""

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = self._text(printer)
        return text if exp is None else rf"\left({text}\right)^{{{exp}}}"

    def _text(self, printer: Any) -> str:
        raise NotImplementedError


def _kept(printer: Any, bound: sp.Expr, easy: sp.Expr) -> str:
    return rf"[|G|\le {printer._print(bound)}]\oplus {printer._print(easy)}"


class normal_pdf(NormalBase):  # noqa: N801 - a mathematical function, named as SymPy names them
    r"""The standard normal density :math:`\varphi(x)`."""

    nargs = 1

    def _text(self, printer: Any) -> str:
        return rf"\varphi\left({printer._print(self.args[0])}\right)"


class kept_bound(NormalBase):  # noqa: N801
    r"""The :math:`\xi` at which a share p is kept; arguments p, easy."""

    nargs = 2

    def _text(self, printer: Any) -> str:
        share, easy = (printer._print(a) for a in self.args)
        return rf"\sqrt2\operatorname{{erf}}^{{-1}}\left(|{easy}-{share}|\right)"


class kept_square(NormalBase):  # noqa: N801
    r""":math:`E[G^2;\mathrm{kept}]`; arguments :math:`\xi`, easy."""

    nargs = 2

    def _text(self, printer: Any) -> str:
        return rf"\operatorname{{E}}\left(G^2;{_kept(printer, *self.args)}\right)"


class kept_pull(NormalBase):  # noqa: N801
    r""":math:`E[\operatorname{sign}(\rho G+\sqrt{1-\rho^2}G')\,G;\mathrm{kept}]`; arguments :math:`\xi,\rho`, easy."""

    nargs = 3

    def _text(self, printer: Any) -> str:
        return _labelled(printer, "G", *self.args)


class kept_push(NormalBase):  # noqa: N801
    r""":math:`E[\operatorname{sign}(\rho G+\sqrt{1-\rho^2}G')\,G';\mathrm{kept}]`; arguments :math:`\xi,\rho`, easy."""

    nargs = 3

    def _text(self, printer: Any) -> str:
        return _labelled(printer, "G'", *self.args)


def _labelled(printer: Any, factor: str, bound: sp.Expr, rho: sp.Expr, easy: sp.Expr) -> str:
    r = printer._print(rho)
    label = rf"\operatorname{{sign}}({r}\,G+\sqrt{{1-{r}^2}}\,G')"
    return rf"\operatorname{{E}}\left({label}\,{factor};{_kept(printer, bound, easy)}\right)"


class binormal_cdf(NormalBase):  # noqa: N801
    r""":math:`\Phi_2(h,k;r)=P(X\le h,Y\le k)` of standard normal variables of correlation *r* in [-1, 1]."""

    nargs = 3

    def _text(self, printer: Any) -> str:
        h, k, r = (printer._print(a) for a in self.args)
        return rf"\Phi_2\left({h},{k};{r}\right)"


class less_product(NormalBase):  # noqa: N801
    """The difference a - b c of numbers that are known exactly."""

    nargs = 3

    def _text(self, printer: Any) -> str:
        a, b, c = (printer._print(x) for x in self.args)
        return rf"\left({a}-{b}{c}\right)"


class quotient(NormalBase):  # noqa: N801
    """The quotient a / b, 0 where both vanish: a coordinate along a direction that there is not."""

    nargs = 2

    def _text(self, printer: Any) -> str:
        return str(printer._print(sp.Mul(self.args[0], sp.Pow(self.args[1], -1, evaluate=False), evaluate=False)))


class height(NormalBase):  # noqa: N801
    """Distance of a unit vector from the plane of two others: its cosines with them, and theirs with each other.

    It is 0 where rounding of the cosines makes its square negative; on a line the two others are no plane, and the
    distance is that from the line.
    """

    nargs = 3

    def _text(self, printer: Any) -> str:
        x, y, z = (printer._print(a) for a in self.args)
        return rf"\sqrt{{\frac{{1+2{x}{y}{z}-{x}^2-{y}^2-{z}^2}}{{1-{z}^2}}}}"


class angle_share(NormalBase):  # noqa: N801
    r"""The angle of (x, y) as a share of :math:`\pi`; arguments y >= 0, x."""

    nargs = 2

    def _text(self, printer: Any) -> str:
        y, x = (printer._print(a) for a in self.args)
        return rf"\frac1\pi\operatorname{{atan2}}\left({y},{x}\right)"
