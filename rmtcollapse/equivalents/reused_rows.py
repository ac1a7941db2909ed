r"""Ridge classifiers on real rows and on rows of a generator that was fitted to the same real rows.

Setting: *n* signed real rows :math:`yx` of mean :math:`B\nu` and covariance *C*, with target 1, of which a generator
takes the sample mean and the sample covariance, so that the second moment of what it draws is
:math:`\hat S=\frac1nX^\top X`. Of its rows :math:`n_2` are used, with targets of mean :math:`\theta` and variance *v*.
One ridge fit on all, loss divided by *N*, penalty :math:`\lambda`; the test class is that of the real rows.

Given the real rows the generated ones act through :math:`\hat S` and the sample mean alone, so that the mean fit is the
ridge fit :math:`w_0` to the *real rows alone*, at the penalty :math:`l=\lambda/b`, times :math:`(f_1+a_2\theta)/b`:
generated rows bring no information, only another penalty, another scale and noise. With :math:`f_1=n/N`,
:math:`f_2=n_2/N`,

.. math:: b=f_1+a_2,\qquad a_2=\frac{f_2}{1+f_1F/b},\qquad F=\frac t{l+t},\qquad t=\frac1n\operatorname{tr}CQ,\qquad
          Q=\Big(\epsilon+\frac C{l+t}\Big)^{-1} ,

:math:`z`, :math:`m_0` and :math:`V_0` the leverage and the score of :math:`w_0`, and :math:`U=l/(l+t)`,

.. math:: m=s\,m_0,\qquad V=s^2V_0+\frac{q\frac{f_1}{b^2}z}{1-q\frac{f_1}{b^2}(F^2+U^2z)}\big\{(\theta-sM)^2+v+
          s^2U^2V_0\big\},\qquad s=\frac{f_1+a_2\theta}b,\quad q=\frac{a_2^2}{f_2},\quad M=Um_0+F ,

since a training row's score is :math:`Ux^\top w_-+F` with the fit :math:`w_-` to the others. As in
:mod:`rmtcollapse.equivalents.groups` the limit :math:`\lambda\to0` is :math:`(\lambda,\epsilon)=(0,1)` for fewer real
rows than directions and :math:`\epsilon=0`, :math:`\lambda` arbitrary, for more; generated rows lie in the span of the
real ones, so that there is no other threshold.

Source: derived here; checked by simulation.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from rmtcollapse.equations.matrices import MatrixParameter, MatrixSystem
from rmtcollapse.equations.symbols import Parameter, limit_product, unknown
from rmtcollapse.equivalents.generated_rows import score_outputs

__all__ = ["reused_rows_system"]


def reused_rows_system() -> MatrixSystem:
    """The equations."""
    d, r = unknown("dimension", "d"), unknown("directions", "r")

    def matrix(name: str, letter: str, rows: Any = d, columns: Any = d) -> MatrixParameter:
        return MatrixParameter(name, rows, columns, letter)

    N, lam, eps = unknown("samples", "N"), unknown("ridge", r"\lambda"), unknown("epsilon", r"\epsilon")
    n, made = unknown("rows_1", "n"), unknown("rows_2", "n_2")
    theta, noise = Parameter("agreement", r"\theta", real=True), unknown("target_variance", "v")
    B, unseen, C, nu = matrix("basis", "B", d, r), matrix("unseen", r"\Pi_0"), matrix("covariance", "C"), matrix(
        "mean", r"\nu", r, 1
    )  # fmt: skip
    t, z, b = unknown("trace", "t"), unknown("leverage", "z"), unknown("weight", "b")

    f, l, h = [unknown(f"fraction_{k}", f"f_{k}") for k in (1, 2)], unknown("penalty", "l"), unknown("kernel", "h")
    F, U = unknown("fitted", "F"), unknown("unfitted", "U")
    Q, P, G = matrix("resolvent", "Q"), matrix("learned", "P"), matrix("gram", "G", r, r)
    w, y, pair = matrix("fit", "w_0", d, 1), matrix("coordinates", "y", r, 1), unknown("pair", "H")
    m0, V0, a2 = Parameter("real_mean", "m_0", real=True), unknown("real_variance", "V_0"), unknown("pull", "a_2")
    s, q = Parameter("shrinkage", "s", real=True), unknown("square", "q")
    gain, kept, told = unknown("gain", r"\tau"), unknown("own_gain", r"\tau_2"), unknown("misfit", r"\rho_2")
    normal = sp.MatAdd(sp.Identity(r), h * nu * nu.T * G)
    energy = sp.Trace(w.T * C * w)
    definitions: dict[Any, Any] = {
        f[0]: n / N,
        f[1]: made / N,
        l: lam / b,
        h: 1 / (l + t),
        F: t * h,
        U: l * h,
        Q: sp.MatAdd(sp.Inverse(sp.MatAdd(eps * sp.Identity(d), h * C, unseen)), -unseen),
        P: C * Q,
        pair: sp.Trace(P * P),
        G: B.T * Q * B,
        w: Q * B * sp.Inverse(normal) * (h * nu),
        y: B.T * w,
        m0: sp.Trace(nu.T * y),
        V0: energy + z * ((1 - m0) ** 2 + energy),
        a2: f[1] * b / (b + f[0] * F),
        s: (f[0] + a2 * theta) / b,
        q: a2**2 / f[1],
        gain: f[0] / b**2 * z,
        kept: f[0] / b**2 * (F**2 + limit_product(U**2, z)),
        told: (theta - s * (U * m0 + F)) ** 2 + noise + limit_product((s * U) ** 2, V0),
    }
    statement = (
        sp.Eq(t, sp.Trace(P) / n, evaluate=False),
        sp.Eq(b, f[0] + a2, evaluate=False),
        sp.Eq(z, h**2 / n * (pair + z * pair), evaluate=False),
    )
    # Right labels leave no misfit at the threshold, and their gain there is infinite: the product is finite.
    variance = limit_product(s**2, V0) + limit_product(q * told, gain) / (1 - q * kept)
    return MatrixSystem(
        name="reused_rows",
        parameters=(d, r, N, lam, eps, n, made, theta, noise, B, unseen, C, nu),
        unknowns=(t, b, z),
        definitions=definitions,
        statement=statement,
        outputs=score_outputs(s * m0, variance),
    )
