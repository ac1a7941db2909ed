"""Density of a sample covariance, construction included, against one bare NumPy evaluation of its sum.

Both in this process, alternating, on one core. The bare evaluation, ``(h * t / (w[:, None] - t)).sum(1)``, is what any
method would pay at least once; no method has the answer after it. With ``--plot FILE`` the cost over atoms x points is
drawn as well, up to 1e4 x 1e4.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
from threadpoolctl import threadpool_limits

from rmtcollapse.spectra import Atoms, SampleCovariance

POPULATIONS = {
    "uniform on [0.5, 2]": lambda k: np.linspace(0.5, 2, k),
    "log-uniform over 6 decades": lambda k: np.geomspace(1e-6, 1, k),
    "k^-1": lambda k: np.arange(1, k + 1.0) ** -1,
    "k^-1.5": lambda k: np.arange(1, k + 1.0) ** -1.5,
}


def seconds(function: Callable[[], object]) -> float:
    """Of one call."""
    start = perf_counter()
    function()
    return perf_counter() - start


def compare(t: np.ndarray, ratio: float, count: int, chebyshev: bool, repeats: int) -> tuple[float, float, int]:
    """Best seconds of density and of the bare evaluation, and the number of bulks."""
    h = np.full(t.size, 1 / t.size)
    support = SampleCovariance(Atoms(t, h), ratio).support()
    share = np.linspace(0, 1, count + 2)[1:-1]
    share = (1 - np.cos(np.pi * share)) / 2 if chebyshev else share
    x = support[0][0] + (support[-1][1] - support[0][0]) * share
    w = x + 0.1j

    def bare() -> object:
        return [(h * t / (part[:, None] - t)).sum(1) for part in np.array_split(w, max(1, t.size * count // 10**7))]

    def density() -> object:
        return SampleCovariance(Atoms(t, h), ratio).density(x)

    density()
    pairs = [(seconds(density), seconds(bare)) for _ in range(repeats)]
    return min(a for a, _ in pairs), min(b for _, b in pairs), len(support)


def table() -> None:
    """The comparison at 1,000 x 1,000."""
    for name, population in POPULATIONS.items():
        for ratio in (0.5, 2.0):
            for chebyshev in (False, True):
                mine, bare, bulks = compare(population(1000), ratio, 1000, chebyshev, 20)
                grid = "Chebyshev" if chebyshev else "even"
                print(f"{name:>27}, ratio {ratio:g}, {bulks:3} bulks, {grid:>9} grid:", end=" ")
                print(f"{mine * 1e3:7.1f} ms, bare {bare * 1e3:5.1f} ms, {mine / bare:5.2f} times")


def draw(path: Path) -> None:
    """The cost over atoms x points."""
    import matplotlib as mpl

    mpl.use("Agg")
    from rmtcollapse.plotting import new_axes, tidy

    axes = new_axes(None)
    sizes = [100, 300, 1000, 3000, 10_000]
    for name in list(POPULATIONS)[:2]:
        rows = [compare(POPULATIONS[name](k), 0.5, k, False, 3 if k < 5000 else 1) for k in sizes]
        axes.loglog([k * k for k in sizes], [row[0] for row in rows], "o-", label=f"density, {name}")
        if name == next(iter(POPULATIONS)):
            axes.loglog([k * k for k in sizes], [row[1] for row in rows], "k--", label="one bare NumPy evaluation")
        print(name, [(k, round(row[0], 4), round(row[1], 4)) for k, row in zip(sizes, rows, strict=True)])
    axes.set_xlabel("atoms x points")
    axes.set_ylabel("seconds, one core")
    axes.legend(frameon=False)
    tidy(axes).figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    with threadpool_limits(1):
        table()
        if arguments.plot:
            draw(arguments.plot)


if __name__ == "__main__":
    main()
