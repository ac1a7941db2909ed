r"""Recursive regression whose generators share one design and have a ridge: functions of one sample covariance.

With one *X*, every fit is a filter of the same :math:`\hat\Sigma`. Let :math:`a(z)=z/(z+\lambda_0)`.

*One design for everything.* The chain ends at :math:`f(\hat\Sigma)w_0` plus noise :math:`f_p(\hat\Sigma)X^\top E_p/T`,

.. math:: f=\varphi a^g,\qquad f_p=\frac{\varphi a^p}{z+\lambda_0},\qquad \varphi(z)=\frac z{z+\lambda},

with :math:`\varphi=1` where :math:`\lambda=0` (the generators' fits already lie in the row space), so

.. math:: B=w_0^\top(1-f)\Sigma(1-f)w_0,\qquad
          N=\sigma_0^2\sum_{p<g}\tfrac1T\operatorname{tr}\Sigma f_p\hat\Sigma f_p .

*One design for the generators, fresh rows downstream.* The downstream filter *A* is independent of
:math:`\hat\Sigma` and enters through its equivalents, :math:`A\simeq M` and
:math:`A^\top\Sigma A\simeq\Sigma M^2+C=:B_1`.
With :math:`h=1-a^g` and :math:`\varphi=1`,

.. math:: B=B_{\mathrm{clean}}+2w_0^\top(\Sigma M-B_1)h\,w_0+w_0^\top hB_1h\,w_0,\qquad
          N=\sigma_0^2\sum_{p<g}\tfrac1{T_0}\operatorname{tr}B_1f_p\hat\Sigma f_p .

Both by Cauchy integrals of the two-resolvent equivalent. Derived here.
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
    """The theory of `model` (shared generator rows, generator ridge > 0, at least one generation)."""
    clean = model.evolve(generations=0).theory(digits)
    if digits is not None:
        from rmtcollapse.models._shared_design_reference import reference_integrals

        change, noise = reference_integrals(model, digits)
        certificate, defect = 10.0**-digits, 0.0
    else:
        (change, noise), certificate, defect = converged_integrals(lambda nodes: _integrals(model, nodes))
    bias, noise = clean["bias"] + change, noise * model.generator_noise()
    values = {
        "test_error": bias + clean["variance"] + noise,
        "bias": bias,
        "variance": clean["variance"] + noise,
        "clean_test_error": clean["clean_test_error"],
        "collapse": noise + change,
    }
    regimes = (*clean.regimes[:1], f"{model.designs} designs, generator ridge")
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
    """Change of the bias from clean training, and the generators' noise per unit variance; the defect."""
    columns = model.spectrum.columns()
    s, signal = columns["eigenvalue"], columns["signal"]
    lam0, g = model.generator_ridge, model.generations
    whole = model.designs == "all-shared"
    lam = model.ridge if whole else 0.0
    pole = min(lam, lam0) if lam > 0 else lam0
    rows = model.arguments(model.parameters())["generator_samples"]
    around = Contour.around(int(rows), s, columns["multiplicity"], pole, nodes)
    z = around.z
    log_pass = -log_one_plus(lam0 / z)  # of one generator filter
    last = z / (z + lam) if lam > 0 else np.ones_like(z)
    forgotten = -last * np.expm1(g * log_pass)
    if whole:
        form = s
        # In the null space nothing is learned, by clean training either.
        clean = lam / (z + lam)
        change = around.quadratic(signal, forgotten, forgotten + clean, (0.0, 1.0))
        change += around.quadratic(signal, clean, forgotten, (1.0, 0.0))
    else:
        form, cross = _downstream(model)
        change = around.quadratic(signal, forgotten, forgotten, (1.0, 1.0), form)
        change += 2 * float(columns["multiplicity"] * signal * cross @ around.diagonal(forgotten, 1.0))
    both = log_pass[:, None] + log_pass
    with np.errstate(invalid="ignore"):
        passes = np.where(both == 0, g, np.expm1(g * both) / np.expm1(both))
    filters = last / (z + lam0)
    noise = around.noise(filters[:, None] * filters * passes, form)
    return np.array([change, noise]), around.defect


def _downstream(model: RecursiveRegression) -> tuple[np.ndarray, np.ndarray]:
    """Diagonals of the downstream form :math:`B_1` and of :math:`\\Sigma M-B_1`, from the clean model's unknowns."""
    columns = model.spectrum.columns()
    s, m = columns["eigenvalue"], columns["multiplicity"]
    clean = model.evolve(generations=0).theory()
    kappa, rho = clean["effective_ridge"], clean["residual_fraction"]
    learned, unlearned = s / (s + kappa), kappa / (s + kappa)
    slack = model.samples * rho + m @ (learned * unlearned)
    spread = s * unlearned**2 * (m @ learned**2 / slack) if kappa > 0 else np.zeros_like(s)
    form = s * learned**2 + spread
    return form, s * learned * unlearned - spread


def filters_at(model: RecursiveRegression, z: Any, mp: Any) -> tuple[Any, Any, Any]:
    """The filters in mpmath, from their definition: clean 1 - f, full 1 - f, and phi(z)/(z + lambda_0)."""
    lam = mp.mpf(model.ridge) if model.designs == "all-shared" else mp.mpf(0)
    lam0 = mp.mpf(model.generator_ridge)
    last = z / (z + lam) if lam > 0 else mp.mpf(1)
    return 1 - last, 1 - last * (z / (z + lam0)) ** model.generations, last / (z + lam0)
