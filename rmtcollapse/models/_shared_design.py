r"""Recursive regression with one design for everything and a ridge in the generators.

With one *X*, every fit is a filter of the same sample covariance: the chain ends at
:math:`\hat w=f(\hat\Sigma)w_0+\sum_{p<g}f_p(\hat\Sigma)X^\top E_p/T+\dots`,

.. math:: f(z)=\varphi(z)\Big(\frac z{z+\lambda_0}\Big)^g,\qquad
          f_p(z)=\varphi(z)\Big(\frac z{z+\lambda_0}\Big)^p\frac1{z+\lambda_0},\qquad \varphi(z)=\frac z{z+\lambda},

with :math:`\varphi=1` where :math:`\lambda=0` (the generators' fits already lie in the row space). So

.. math:: B=w_0^\top(1-f)(\hat\Sigma)\,\Sigma\,(1-f)(\hat\Sigma)w_0,\qquad
          N=\sigma_0^2\sum_{p<g}\frac1T\operatorname{tr}\Sigma f_p(\hat\Sigma)\hat\Sigma f_p(\hat\Sigma),

by Cauchy integrals of the two-resolvent equivalent. Derived here (theory section 2.5 iii).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rmtcollapse.equivalents.contour import Contour, converged_integrals, log_one_plus
from rmtcollapse.models._prediction import Prediction

if TYPE_CHECKING:
    from rmtcollapse.models.recursive_regression import RecursiveRegression

__all__ = ["shared_design_theory"]


def shared_design_theory(model: RecursiveRegression, digits: int | None) -> Prediction:
    """The theory of `model` (all-shared, generator ridge > 0, at least one generation)."""
    clean = model.evolve(generations=0).theory(digits)
    if digits is not None:
        from rmtcollapse.models._shared_design_reference import reference_integrals

        bias, change, noise = reference_integrals(model, digits)
        certificate, defect = 10.0**-digits, 0.0
    else:
        (bias, change, noise), certificate, defect = converged_integrals(lambda nodes: _integrals(model, nodes))
    noise = noise * model.generator_noise()
    values = {
        "test_error": bias + clean["variance"] + noise,
        "bias": bias,
        "variance": clean["variance"] + noise,
        "clean_test_error": clean["clean_test_error"],
        "collapse": noise + change,
    }
    regimes = (*clean.regimes[:1], "one design for all, generator ridge")
    plain = values if digits is not None else {name: float(v) for name, v in values.items()}
    return Prediction(
        plain,
        clean.unknowns,
        max(defect, clean.residual),
        max(certificate, clean.certificate),
        clean.status,
        regimes,
        digits,
    )


def _integrals(model: RecursiveRegression, nodes: int) -> tuple[np.ndarray, float]:
    """Bias, its change from clean training, and the generators' noise per unit variance."""
    columns = model.spectrum.columns()
    lam, lam0, g = model.ridge, model.generator_ridge, model.generations
    pole = min(lam, lam0) if lam > 0 else lam0
    around = Contour.around(model.samples, columns["eigenvalue"], columns["multiplicity"], pole, nodes)
    z = around.z
    log_pass = -log_one_plus(lam0 / z)  # of one generator filter
    last = z / (z + lam) if lam > 0 else np.ones_like(z)
    unlearned_clean = lam / (z + lam)
    forgotten = -last * np.expm1(g * log_pass)  # (1 - f) beyond clean training
    unlearned = unlearned_clean + forgotten
    signal = columns["signal"]
    # In the null space nothing is learned, by clean training either.
    bias = around.quadratic(signal, unlearned, unlearned, (1.0, 1.0))
    change = around.quadratic(signal, forgotten, unlearned, (0.0, 1.0))
    change += around.quadratic(signal, unlearned_clean, forgotten, (1.0, 0.0))
    both = log_pass[:, None] + log_pass
    with np.errstate(invalid="ignore"):
        passes = np.where(both == 0, g, np.expm1(g * both) / np.expm1(both))
    filters = last / (z + lam0)
    noise = around.noise(filters[:, None] * filters * passes)
    return np.array([bias, change, noise]), around.defect


def filters_at(model: RecursiveRegression, z: Any, mp: Any) -> tuple[Any, Any, Any]:
    """The filters in mpmath, from their definition: 1 - f clean, 1 - f in full, and phi(z)/(z + lambda_0)."""
    lam, lam0 = mp.mpf(model.ridge), mp.mpf(model.generator_ridge)
    last = z / (z + lam) if lam > 0 else mp.mpf(1)
    return 1 - last, 1 - last * (z / (z + lam0)) ** model.generations, last / (z + lam0)
