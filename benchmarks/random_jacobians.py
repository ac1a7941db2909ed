"""Random Jacobians at random places, counted: refusals, wrong values, largest errors.

Networks are drawn over all named activations, both weights, depths of 1 to 200, preactivation variances of 1e-6 to 1e4,
any pruning, and residual networks. Places are log-uniform over the support, and down to a relative distance of 1e-12
from its edges. The transform at each place gives one layer's argument; with it the equation of the law is evaluated
again, as it is printed, at 60 digits
(``pip install python-flint``), its expectations along a contour that stays away from the poles. What Newton's method
makes of it there, in the upper half plane of the logarithms, is the one solution: any other number is wrong.
The law's mass, its mean and its right end are compared with quadrature of the density, with moments,
and with the largest singular value of the theory. Exits 1 after a refusal or an error above 1e-9.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from time import perf_counter
from typing import Any

import numpy as np
from flint import acb, arb, ctx
from numpy.typing import NDArray

from rmtcollapse.errors import ConvergenceError
from rmtcollapse.models.deep_jacobian import DeepJacobian
from rmtcollapse.models.residual_jacobian import ResidualJacobian
from rmtcollapse.spectra._layer_newton import TINY
from rmtcollapse.spectra.layers import LayerProduct

WRONG = 1e-9
ACTIVATIONS = ("linear", "relu", "hard-tanh", "tanh", "erf")
RANGE = 250.0  # of the logarithm of a mean square, so that edges are doubles
Model = DeepJacobian | ResidualJacobian


def drawn(rng: np.random.Generator) -> Model:
    depth = int(rng.choice([1, 2, 3, round(math.exp(rng.uniform(0, math.log(200))))]))
    if rng.random() < 0.15:
        top = min(4.0, math.log10(math.expm1(RANGE / depth)))
        return ResidualJacobian(depth=depth, branch_variance=10 ** rng.uniform(-9, top))
    activation = str(rng.choice(ACTIVATIONS))
    while True:
        model = DeepJacobian(
            depth=depth,
            activation=activation,
            preactivation_variance=10 ** rng.uniform(-6, 4),
            weights=str(rng.choice(["gaussian", "orthogonal"])),
            sparsity=float(rng.choice([0.0, rng.uniform(0, 0.999), 10 ** rng.uniform(-6, -1)])),
            pruning=str(rng.choice(["random", "magnitude", "score"])),
            rescaled=bool(rng.random() < 0.7),
            weight_variance=None if rng.random() < 0.5 else math.exp(rng.normal() * min(1.0, RANGE / depth / 5)),
        )
        at = layers(model)
        one_rotation = depth == 1 and at.noise == 0 and at.gains.levels
        if abs(at.log_gain) * depth < RANGE and not one_rotation:
            return model


def layers(model: Model) -> Any:
    from rmtcollapse.models._jacobian_theory import layers_of

    return layers_of(model._layers() if isinstance(model, ResidualJacobian) else model)


def places(support: list[tuple[float, float]], rng: np.random.Generator, count: int, closest: float) -> NDArray[Any]:
    """Half of them log-uniform, the others near edges, at distances relative to the edge or to the bulk's width."""
    x = []
    for left, right in (support[i] for i in rng.integers(len(support), size=count)):
        low = max(left, right * 1e-12 if rng.random() < 0.5 else min(1e-290, right * 1e-12))
        if rng.random() < 0.5:
            x.append(math.exp(rng.uniform(math.log(low), math.log(right))))
        else:
            near = 10 ** rng.uniform(math.log10(closest), -0.5)
            x.append(right * (1 - near) if rng.random() < 0.5 or left == 0 else left * (1 + near))
            if not left < x[-1] < right:
                x[-1] = math.sqrt(low * right)
    return np.array([v for v in x if any(left < v < right for left, right in support)])


# ---- the equation again, at 60 digits ------------------------------------------------------------------------------


def ball(number: Any) -> acb:
    if isinstance(number, acb | arb):
        return acb(number)
    number = complex(number)
    return acb(arb(number.real), arb(number.imag))


def poles(activation: str, q: float, lam: complex) -> NDArray[Any]:
    """Where c xi = 1, in the plane of the normal variable."""
    if activation == "erf":
        found = np.sqrt((lam + 2j * np.pi * np.arange(-4, 5)) / (2 * q))
    else:
        with np.errstate(over="ignore"):
            y = np.arccosh(np.exp(lam / 4) * 1j ** np.arange(4) + 0j)
        found = (y[:, None] + 2j * np.pi * np.arange(-1, 2)).ravel() / math.sqrt(q)
    return np.concatenate([found, -found])


def means(model: Model, lam: acb, digits: float) -> tuple[acb, acb]:
    """E 1/(1 - c xi), and its slope in lambda: on a line through 0 between the poles of both sides.

    By the trapezoid rule in s, z = a sinh(s) exp(-i turn), whose nearest pole is at about `turn`.
    """
    known = poles(model.activation, model.preactivation_variance, to_complex(lam))
    known = known[(known.real > 0) & (np.abs(known) < 45)]
    below = known[known.imag < 0]
    turn = min([0.35, *(-np.angle(below) / 2)])
    a = min([1.0, *np.abs(known)])
    step = 1.8 * math.pi * turn / (math.log(10) * digits + 5)
    reach = min(42.0, 15.0 + max([0.0, *known[known.imag >= 0].real[:1]]))
    q, minus = arb(model.preactivation_variance), (-lam).exp()
    rotation = acb(arb(turn).cos(), -arb(turn).sin()) * a
    s, du, root = acb(0), acb(0), q.sqrt()
    for k in range(math.ceil(math.asinh(reach / a) / step) + 1):
        angle = arb(k) * step
        z = rotation * angle.sinh()
        r = minus * ((2 * q * z * z).exp() if model.activation == "erf" else (z * root).cosh() ** 4)
        weight = (-z * z / 2).exp() * angle.cosh() * (1 if k else 0.5)
        rest = 1 / (r - 1)
        s += center(weight * r * rest)
        du += center(weight * r * rest * rest)
    scale = 2 / (2 * arb.pi()).sqrt() * rotation * step
    return center(scale * s), center(scale * du)


def to_complex(value: acb) -> complex:
    return complex(float(value.real.mid()), float(value.imag.mid()))


def equation(model: Model, at: Any, lam: acb, mean: arb, digits: float) -> tuple[acb, acb, acb]:
    """log z, its slope, and s = 1 + u at lambda."""
    g, L, xi = arb(at.noise), at.depth, lam.exp()
    if at.gains.levels == 0:
        off = arb(at.gains.zero) if at.gains.zero < 0.5 else 1 - arb(at.gains.share)
        s = (1 - off * xi) / (1 - xi)
        u = (1 - off) * xi / (1 - xi)
        du = u / (1 - xi)
    else:
        s, du = means(model, lam, digits)
        u = s - 1
    root = (1 + 4 * g * (1 - g) * u).sqrt()
    t = (1 + 2 * g * u + root) / 2
    bend = (g + g * (1 - g) / root) / t
    log_z = (s / u).log() + L * ((u / s).log() + t.log() - lam + (arb(at.gain) / mean).log())
    return log_z, (L - 1) * du / (u * s) + L * (bend * du - 1), s


def mean_gain_again(model: Model, at: Any) -> arb:
    if at.gains.levels == 0:
        return arb(at.gains.share) if at.gains.zero >= 0.5 else 1 - arb(at.gains.zero)
    q = arb(model.preactivation_variance)
    if model.activation == "erf":
        return 1 / (1 + 4 * q).sqrt()
    f = lambda z, _: (-z * z / 2).exp() / (z * q.sqrt()).cosh() ** 4  # noqa: E731
    return (2 / (2 * arb.pi()).sqrt() * acb.integral(f, 0, 42, rel_tol=arb(2) ** -100)).real


def judged(model: Model, at: Any, x: float, lam: acb, digits: float) -> float:
    """The density by Newton's method from lambda; nan if that leaves the upper half plane."""
    mean, place = mean_gain_again(model, at), lam
    for count in range(25):
        log_z, slope, s = equation(model, at, place, mean, digits)
        if abs(float(log_z.imag.mid())) > 1:
            return math.nan
        step = (log_z - arb(x).log()) / slope
        if count and abs(step.imag) < 1e-12 * place.imag:
            return float((s.imag / (arb.pi() * arb(x))).mid())
        place = center(place - step)
        if not place.imag > 0:
            return math.nan
    return math.nan


def again(model: Model, at: Any, x: float, found: Any, density: float) -> float:
    """The same from what the law found, whichever of its numbers has the digits."""
    digits = 28 + max(0.0, -math.log10(min(1.0, float(found.s[0].imag) or 1e-310)))
    ctx.dps = round(digits) + 15
    true = judged(model, at, x, ball(found.lam[0]), digits)
    if math.isnan(true) and at.gains.levels == 0:
        s = ball(found.s[0])
        off = arb(at.gains.zero) if at.gains.zero < 0.5 else 1 - arb(at.gains.share)
        true = judged(model, at, x, center(((s - 1) / (s - off)).log()), digits)
    return true


def center(value: acb) -> acb:
    return acb(value.real.mid(), value.imag.mid())


# ---- a law ---------------------------------------------------------------------------------------------------------


class Tally:
    """What was found, by kind of network."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.worst = {"density": 0.0, "mass": 0.0, "mean": 0.0, "right end": 0.0}

    def note(self, number: int, model: Model, text: str, kind: str) -> None:
        self.counts[kind] += 1
        print(f"{number}: {kind}: {text}: {brief(model)}", flush=True)

    def error(self, number: int, model: Model, what: str, value: float, allowed: float, text: str = "") -> None:
        self.worst[what] = max(self.worst[what], value)
        if not value <= allowed:
            self.note(number, model, f"{what} off by {value:.2e} {text}", "wrong")


def brief(model: Model) -> str:
    return f"{type(model).__name__}({', '.join(f'{k}={v!r}' for k, v in model.parameters().items() if k != 'width')})"


def judge(number: int, model: Model, rng: np.random.Generator, tally: Tally, options: argparse.Namespace) -> None:
    at = layers(model)
    law = model.law()
    try:
        x = places(law.support(), rng, options.places, options.closest) if law.support() else np.zeros(0)
        end = float(model.theory()["largest_singular_value"])
        largest = max([right for _, right in law.support()[-1:]] + [place for place, _ in law.atoms()[-1:]])
        tally.error(number, model, "right end", abs(math.sqrt(largest) / end - 1), 1e-13 * (1 + at.depth / 20))
    except ConvergenceError as error:
        return tally.note(number, model, str(error), "refused")
    if not isinstance(law, LayerProduct):  # one rotation, which changes nothing
        x = x[:0]
    slow = at.gains.levels > 0 and bool(number % options.judged)
    for place in x:
        tally.counts["places"] += 1
        try:
            density = law.density(place)
        except ConvergenceError as error:
            edge = min(abs(place / e - 1) for bulk in law.support() for e in bulk if e > 0)
            tally.note(number, model, f"x = {place!r}, {edge:.1e} from an edge, {error}", "refused")
            continue
        if density <= 0:
            tally.counts["zero"] += 1
            if options.zeros:
                tally.note(number, model, f"x = {place!r}", "zero")
            continue
        if slow:
            continue
        found = law._solved(np.array([place + 0j]))
        if found.lam[0].imag <= TINY:  # infinitesimal: nothing to begin with
            tally.counts["faint"] += 1
            continue
        tally.counts["judged"] += 1
        true = again(model, at, float(place), found, float(density))
        error = abs(density / true - 1) if true > 0 else math.inf
        tally.error(number, model, "density", error, options.allowed, f"at {place!r}")
    if options.masses and number % options.masses == 0 and law.support():
        tally.counts["integrals"] += 1
        try:
            mass, mean = law.integrate(np.ones_like), law.integrate(lambda x: x)
        except ConvergenceError as error:
            return tally.note(number, model, f"integral: {error}", "refused")
        tally.error(number, model, "mass", abs(mass - 1), 1e-9)
        tally.error(number, model, "mean", abs(mean / law.moments(1)[0] - 1), 1e-9)
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="number of the first network")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--places", type=int, default=4, help="of each network")
    parser.add_argument("--judged", type=int, default=1, help="every how manieth network of smooth slopes is judged")
    parser.add_argument("--closest", type=float, default=1e-12, help="relative distance to an edge")
    parser.add_argument("--allowed", type=float, default=WRONG, help="relative error of a density")
    parser.add_argument("--masses", type=int, default=10, help="every how manieth network is integrated; 0 for none")
    parser.add_argument("--zeros", action="store_true", help="name the places at which the density is 0")
    options = parser.parse_args()
    ctx.dps = 60
    tally, start = Tally(), perf_counter()
    for number in range(options.first, options.first + options.networks):
        rng = np.random.default_rng([options.seed, number])
        judge(number, drawn(rng), rng, tally, options)
    print(f"{options.networks} networks, {dict(tally.counts)}, largest errors ", end="")
    print(", ".join(f"{name} {value:.1e}" for name, value in tally.worst.items()), f"{perf_counter() - start:.0f} s")
    return 1 if tally.counts["refused"] or tally.counts["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
