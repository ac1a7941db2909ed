"""A population spectrum: the atoms of a covariance, and the energy of the target on each."""

from __future__ import annotations

import math
from functools import partial
from hashlib import blake2b
from numbers import Integral, Rational, Real
from typing import Any, NoReturn, final

import numpy as np
from numpy.typing import ArrayLike

from rmtcollapse.errors import ParameterError
from rmtcollapse.spectra.estimate import FloatArray, covariance_eigensystem, real_array, refuse_entry

__all__ = ["Spectrum"]

LARGEST = 2**53  # the largest count up to which every integer is a float64
FIELDS = ("eigenvalues", "signal", "target_shift", "multiplicities", "noise_variance", "capacity", "source")


@final
class Spectrum:
    r"""Eigenvalues of a population covariance and the target's squared coefficients in its eigenbasis. Immutable.

    Atom j is an eigenvalue :math:`s_j` shared by :math:`m_j` directions. The order of the atoms is kept as given, and
    nothing is normalised: neither trace nor signal need be one. What is refused raises a one-line `ParameterError`.

    Parameters
    ----------
    eigenvalues : (k,) array_like
        :math:`s_j \ge 0`, finite, with a finite trace.
    signal : (k,) array_like, optional
        :math:`w_j^2 \ge 0`, the diagonal of Gamma: a total over the :math:`m_j` directions of atom j.
    target_shift : (k,) array_like, optional
        Squared coefficients of (second target - first target), the diagonal of Delta: a total likewise.
    multiplicities : (k,) array_like, optional
        Positive integers :math:`m_j` with a sum of at most 2**53; ones by default.
    noise_variance : float, optional
        Estimated variance of the label noise, >= 0; set by `from_data` only.
    capacity, source : float, optional
        Exponents of the power law that this is, ``capacity`` > 0; set by `power_law` only.

    Attributes
    ----------
    digest : str
        Hexadecimal BLAKE2b digest of the four arrays, which are the content: equality and hash are those of the digest
        (`noise_variance`, `capacity` and `source` annotate). The parameters are attributes too, the arrays read-only.

    Examples
    --------
    >>> spectrum = Spectrum([2.0, 0.5], signal=[1.0, 3.0], multiplicities=[1, 3])
    >>> spectrum.dimension, spectrum.trace, spectrum.signal_energy
    (4, 3.5, 4.0)
    """

    __slots__ = (*FIELDS, "digest")
    eigenvalues: FloatArray
    signal: FloatArray | None
    target_shift: FloatArray | None
    multiplicities: FloatArray
    noise_variance: float | None
    capacity: float | None
    source: float | None
    digest: str

    def __init__(
        self,
        eigenvalues: ArrayLike,
        signal: ArrayLike | None = None,
        target_shift: ArrayLike | None = None,
        multiplicities: ArrayLike | None = None,
        *,
        noise_variance: float | None = None,
        capacity: float | None = None,
        source: float | None = None,
    ) -> None:
        atoms = real_array("eigenvalues", eigenvalues, "(k,): one number an atom", 1)
        m = np.ones(atoms.size) if multiplicities is None else _counts(multiplicities, atoms.size)
        s = _nonnegative("eigenvalues", atoms, m)
        w2 = None if signal is None else _nonnegative("signal", signal, m)
        shift = None if target_shift is None else _nonnegative("target_shift", target_shift, m)
        numbers = (
            None if noise_variance is None else _number("noise_variance", noise_variance, at_least=0.0),
            None if capacity is None else _number("capacity", capacity, above=0.0),
            None if source is None else _number("source", source),
        )
        # arrays over bytes: nobody can make them writeable again
        arrays = [None if array is None else np.frombuffer(array.tobytes()) for array in (s, w2, shift, m)]
        content = b"".join(b"-" if array is None else b"+" + array.tobytes() for array in arrays)
        digest = blake2b(b"%d:%b" % (s.size, content), digest_size=16).hexdigest()
        for name, value in zip(self.__slots__, (*arrays, *numbers, digest), strict=True):
            object.__setattr__(self, name, value)

    @classmethod
    def isotropic(cls, dimension: int, signal_energy: float = 1.0) -> Spectrum:
        """Identity covariance of a dimension >= 1, with total signal energy >= 0: one atom."""
        counts = [_size("dimension", dimension)]
        return cls([1.0], [_number("signal_energy", signal_energy, at_least=0.0)], multiplicities=counts)

    @classmethod
    def power_law(cls, dimension: int, capacity: float, source: float) -> Spectrum:
        r"""Capacity and source: :math:`s_j = j^{-a}` and :math:`w_j^2 = j^{-1-a(2r-1)}` for j = 1..dimension.

        ``capacity`` is a > 0 and ``source`` is r, any finite number for which both arrays fit double precision.
        """
        j = np.arange(1, 1 + _size("dimension", dimension), dtype=np.float64)
        a, r = _number("capacity", capacity, above=0.0), _number("source", source)
        with np.errstate(over="ignore"):
            s, w2 = j**-a, j ** (-1 - a * (2 * r - 1))
        if s[-1] < np.finfo(np.float64).tiny:
            raise ParameterError("capacity", a, "small enough that dimension**-capacity does not underflow")
        if not np.isfinite(w2[-1]):
            raise ParameterError("source", r, "large enough that the signal of the last direction does not overflow")
        return cls(s, w2, capacity=a, source=r)

    @classmethod
    def from_covariance(cls, matrix: ArrayLike, signal: ArrayLike | None = None) -> Spectrum:
        """Spectrum of a covariance matrix, decreasing.

        Parameters
        ----------
        matrix : (d, d) array_like
            Symmetric to 1e-10 of its largest entry, positive semi-definite to 1e-12 of its largest eigenvalue.
            Eigenvalues that rounding cannot tell from 0 (below eps d times the largest) are set to 0; a diagonal
            matrix is taken exactly.
        signal : (d,) array_like, optional
            Coefficient vector w of the target in the basis of the matrix; squared in the eigenbasis here.
        """
        eigenvalues, basis = covariance_eigensystem(matrix)
        if signal is None:
            return cls(eigenvalues)
        vector = real_array("signal", signal, f"({eigenvalues.size},): one coefficient a row of matrix", 1)
        _refuse_length("signal", vector, eigenvalues.size)
        with np.errstate(over="ignore"):
            return cls(eigenvalues, (basis.T @ vector) ** 2)

    @classmethod
    def from_data(cls, X: ArrayLike, y: ArrayLike | None = None, *, population: str = "auto") -> Spectrum:
        r"""Spectrum estimated from data, which are centred; with labels, estimated signal and `noise_variance`.

        With r the rank: for n - 1 >= 2 r the signal and the noise variance are those of least squares (unbiased noise
        variance; the energy :math:`s_j w_j^2` of each direction freed of its noise, clipped at 0 and rescaled to the
        unbiased total). For fewer rows they are the restricted maximum likelihood of an isotropic prior, with the same
        signal in every direction. `rmtcollapse.spectra.estimate` states both. The trace is unbiased for any n.

        Parameters
        ----------
        X : (n, d) array_like
            One observation a row: n >= 2, finite, no constant column.
        y : (n,) array_like, optional
            Labels, finite, not constant.
        population : "auto", "sample" or "estimated"
            Whether to keep the spread of sample eigenvalues (1 becomes :math:`(1\mp\sqrt{d/n})^2`) or to undo it, as
            `estimate_population` does (zeros remain only where r < min(n - 1, d)); "auto" undoes it for n - 1 < 20 r.
        """
        from rmtcollapse.spectra.inverse import estimate_from_data as estimate

        found = estimate(X, y, population)
        return cls(found.eigenvalues, found.signal, noise_variance=found.noise_variance)

    @property
    def dimension(self) -> int:
        """Number of directions, the sum of the multiplicities."""
        return int(self.multiplicities.sum())

    @property
    def rank(self) -> int:
        """Number of directions whose eigenvalue is positive."""
        return int(self.multiplicities[self.eigenvalues > 0].sum())

    @property
    def trace(self) -> float:
        """Trace of the covariance, the sum of multiplicity times eigenvalue."""
        return float(np.sum(self.multiplicities * self.eigenvalues))

    @property
    def signal_energy(self) -> float:
        """Squared norm of the target, the sum of the signal; raises `ParameterError` without one."""
        if self.signal is None:
            raise ParameterError("signal", None, "squared coefficients of the target; give signal= or call with_signal")
        return float(self.signal.sum())

    def with_signal(self, signal: ArrayLike) -> Spectrum:
        """Same covariance, other target: totals (k,), (d,) of all directions, or one spread equally over them."""
        return self._with(signal=self._totals("signal", signal), source=None)

    def with_target_shift(self, shift: ArrayLike) -> Spectrum:
        """Same covariance and target, other shift: totals (k,), (d,) of all directions, or one spread equally."""
        return self._with(target_shift=self._totals("target_shift", shift))

    def scaled(self, factor: float) -> Spectrum:
        """Eigenvalues times a factor > 0; the rest, exponents included, as it is."""
        number = _number("factor", factor, above=0.0)
        with np.errstate(over="ignore"):
            return self._with(eigenvalues=self.eigenvalues * number)

    def resized(self, factor: int | Rational) -> Spectrum:
        """Same limiting law at another size: multiplicities times a positive rational that keeps them integers.

        Totals of signal and shift stay, so that the energy of a direction goes as 1/factor.
        """
        domain = "a positive integer or fractions.Fraction that makes every multiplicity an integer up to 2**53"
        if not isinstance(factor, Rational) or isinstance(factor, bool) or factor <= 0:
            raise ParameterError("factor", factor, domain)
        over, under = int(factor.numerator), int(factor.denominator)
        if over > LARGEST or under > LARGEST or np.any(np.fmod(self.multiplicities, under)):
            raise ParameterError("factor", factor, domain)
        return self._with(multiplicities=self.multiplicities / under * over)

    def expanded(self) -> Spectrum:
        """One atom a direction: multiplicities one, signal and shift split equally. What a finite experiment needs."""
        counts = self.multiplicities.astype(np.int64)
        split = {name: np.repeat(total / counts, counts) for name, total in self._present().items()}
        return self._with(eigenvalues=np.repeat(self.eigenvalues, counts), multiplicities=None, **split)

    def columns(self) -> dict[str, FloatArray]:
        """Float64 arrays over the atoms with a positive eigenvalue, by decreasing eigenvalue (ties as given).

        Keys: "multiplicity", "eigenvalue" and, where present, "signal" and "target_shift", these two PER DIRECTION.
        """
        order = np.argsort(-self.eigenvalues, kind="stable")
        order = order[self.eigenvalues[order] > 0]
        m = self.multiplicities[order]
        columns = {"multiplicity": m, "eigenvalue": self.eigenvalues[order]}
        return columns | {name: total[order] / m for name, total in self._present().items()}

    def _present(self) -> dict[str, FloatArray]:
        named = {"signal": self.signal, "target_shift": self.target_shift}
        return {name: total for name, total in named.items() if total is not None}

    def _totals(self, name: str, value: ArrayLike) -> ArrayLike:
        m = self.multiplicities
        if isinstance(value, Real):
            return _number(name, value, at_least=0.0) * (m / m.sum())
        if np.shape(value) != (self.dimension,) or m.size == self.dimension:
            return value
        each = getattr(Spectrum(np.ones(self.dimension))._with(**{name: value}), name)
        return np.add.reduceat(each, (np.cumsum(m) - m).astype(np.int64))

    def _with(self, **changes: Any) -> Spectrum:
        return Spectrum(**{name: getattr(self, name) for name in FIELDS} | changes)

    def __eq__(self, other: object) -> bool:
        return self.digest == other.digest if isinstance(other, Spectrum) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digest)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Spectrum is frozen, {name!r} cannot be set: make another, as with_signal does")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Spectrum is frozen, {name!r} cannot be deleted")

    def __reduce__(self) -> tuple[object, ...]:
        return partial(Spectrum, **{name: getattr(self, name) for name in FIELDS}), ()

    def __repr__(self) -> str:
        named = {name: getattr(self, name) for name in FIELDS[4:]}
        shown = f"atoms={self.eigenvalues.size}, dimension={self.dimension}, rank={self.rank}, trace={self.trace:.4g}"
        shown += "".join(f", {name} total {total.sum():.4g}" for name, total in self._present().items())
        shown += "".join(f", {name}={value:.4g}" for name, value in named.items() if value is not None)
        return f"<Spectrum: {shown}>"


def _number(name: str, value: object, *, above: float = -math.inf, at_least: float = -math.inf) -> float:
    """The number as a float; refuse what is no finite real number > `above` and >= `at_least`."""
    limits = [f" {sign} {limit:g}" for sign, limit in ((">", above), (">=", at_least)) if limit > -math.inf]
    try:
        number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    except OverflowError:
        number = math.inf
    if not (math.isfinite(number) and number > above and number >= at_least):
        raise ParameterError(name, number if isinstance(value, float) else value, "a finite number" + "".join(limits))
    return number


def _size(name: str, value: object) -> int:
    if not isinstance(value, Integral) or isinstance(value, bool) or not 1 <= int(value) <= LARGEST:
        raise ParameterError(name, value, "a positive integer, at most 2**53")
    return int(value)


def _refuse_length(name: str, array: FloatArray, size: int) -> None:
    if array.size != size:
        raise ParameterError(f"length of {name}", array.size, f"{size}, as many as eigenvalues")


def _nonnegative(name: str, value: ArrayLike, counts: FloatArray) -> FloatArray:
    array = real_array(name, value, "(k,): one number an atom", 1) + 0.0  # -0.0 becomes 0.0: one zero, one digest
    _refuse_length(name, array, counts.size)
    largest = float(np.finfo(np.float64).max / 2 / counts.sum())  # sums over directions stay finite
    refuse_entry(name, array, (array < 0) | (array > largest), f"a finite number >= 0 (at most {largest:.3g})")
    return array


def _counts(value: ArrayLike, size: int) -> FloatArray:
    array = real_array("multiplicities", value, "(k,): one positive integer an atom", 1)
    _refuse_length("multiplicities", array, size)
    refuse_entry("multiplicities", array, (array < 1) | (array != np.floor(array)), "a positive integer")
    if array.sum() > LARGEST:
        raise ParameterError("sum of multiplicities", float(array.sum()), "at most 2**53, so that counts are exact")
    return array
