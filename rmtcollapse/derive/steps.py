"""The derivation as a teacher would write it: in text, in LaTeX, and in a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sympy as sp
from sympy.printing.latex import latex

from rmtcollapse.derive.algebra import Letter

if TYPE_CHECKING:
    from rmtcollapse.derive.circuit import Form, Output
    from rmtcollapse.derive.derivation import Derivation
    from rmtcollapse.derive.pencil import Pencil, Unknown

__all__ = ["Steps", "equations_latex"]


def _tex(expr: sp.Basic) -> str:
    return str(latex(expr))


def _wire(i: int) -> str:
    return f"w_{{{i + 1}}}" if i >= 0 else "x"


def _letter(letter: Letter) -> str:
    name = _tex(sp.Symbol(letter.matrix.name))
    return rf"{name}^{{\top}}" if letter.turned else name


def _factor(expr: sp.Expr) -> str:
    if expr in (1, -1):
        return "" if expr == 1 else "-"
    return rf"\left({_tex(expr)}\right) " if expr.is_Add else f"{_tex(expr)} "


def _form(form: Form) -> str:
    if not form:
        return "0"
    text = ""
    for t in form:
        negative = t.outer.could_extract_minus_sign()
        body = _factor(-t.outer if negative else t.outer)
        if t.letter is not None:
            body += f"{_letter(t.letter)} {_factor(t.inner)}"
        sign = "-" if negative else "+" if text else ""
        text += f"{' ' if text else ''}{sign} {body}{_wire(t.wire)}"
    return text.strip()


def _aligned(lines: list[str]) -> str:
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


def _optional(lines: list[str]) -> str:
    return _aligned(lines) if lines else ""


def _wires(pencil: Pencil) -> list[str]:
    return [f"{_form(w.left)} &= {_form(w.right)}" for w in pencil.wires]


def _matrix(pencil: Pencil) -> str:
    rows = []
    for i in range(pencil.size):
        cells = []
        for j in range(pencil.size):
            parts = [_tex(pencil.fixed[i, j])] if (i, j) in pencil.fixed else []
            for e in pencil.entries:
                if (e.row, e.column) == (i, j):
                    parts.append(f"{_factor(e.outer)}{_letter(e.letter)} {_factor(e.inner)}".strip())
            cells.append(" + ".join(parts) or "0")
        rows.append(" & ".join(cells))
    return r"L = \begin{pmatrix}" + r" \\ ".join(rows) + r"\end{pmatrix}"


def _unknown(k: int, u: Unknown, pencil: Pencil) -> str:
    addends = [
        rf"\mathrm{{tr}}_{{{_tex(pencil.dimension(j))}}}\left[{_factor(weight)}G_{{{j + 1},{i + 1}}}\right]"
        for j, i, weight in u.measured
    ]
    return f"e_{{{k + 1}}} &= {' + '.join(addends)}"


def _distinct(pencil: Pencil) -> list[Unknown]:
    """Unknowns, those of the copies of a resolvent once."""
    return list(dict.fromkeys(pencil.original.values()))


def _block_line(pencil: Pencil, wires: list[int], label: str) -> str:
    """M = F - S[G] restricted to some wires of one dimension, and G its inverse."""
    rows = []
    for i in wires:
        cells = []
        for j in wires:
            value = pencil.fixed.get((i, j), sp.S.Zero)
            for u in pencil.unknowns:
                if (u.row, u.column) == (i, j):
                    value -= u.coefficient * sp.Symbol(f"e_{{{_distinct(pencil).index(pencil.original[u]) + 1}}}")
            cells.append(_tex(value))
        rows.append(" & ".join(cells))
    return rf"G^{{({label})}} &= \begin{{pmatrix}}" + r" \\ ".join(rows) + r"\end{pmatrix}^{-1}"


def _dimensions(pencil: Pencil) -> list[tuple[str, list[int]]]:
    found: dict[sp.Symbol, list[int]] = {}
    for i, wire in enumerate(pencil.wires):
        found.setdefault(wire.dimension, []).append(i)
    return [(_tex(t), wires) for t, wires in found.items()]


def _output(output: Output, pencil: Pencil) -> str:
    t = _tex(output.dimension)
    parts = []
    for term in output.form:
        if term.wire < 0:
            parts.append(rf"\mathrm{{tr}}_{{{t}}}\left[{_tex(term.outer)}\right]")
            continue
        for w, b in pencil.sources.items():
            if pencil.dimension(w) == output.dimension and pencil.pattern[term.wire, w]:
                body = f"{_factor(term.outer * b)}G_{{{term.wire + 1},{w + 1}}}"
                parts.append(rf"\mathrm{{tr}}_{{{t}}}\left[{body}\right]")
    return " + ".join(parts) or "0"


def _values(derivation: Derivation) -> list[str]:
    names = list(derivation.reading.nodes)
    lines = [
        f"{_tex(name)} &= " + " + ".join(_output(o, derivation.pencil) for o in outputs)
        for name, outputs in zip(names, derivation.pencil.outputs, strict=True)
    ]
    return [*lines, rf"\mathrm{{value}} &= {_tex(derivation.reading.value)}"]


def equations_latex(derivation: Derivation) -> str:
    """Blocks, unknowns (nonlinear ones first) and the value, as one ``aligned`` block."""
    pencil = derivation.pencil
    blocks = [_block_line(pencil, wires, t) for t, wires in _dimensions(pencil)]
    listed = _distinct(pencil)
    order = sorted(range(len(listed)), key=lambda k: not pencil.nonlinear(listed[k]))
    unknowns = [_unknown(k, listed[k], pencil) for k in order]
    return _aligned([*blocks, *unknowns, *_values(derivation)])


@dataclass(frozen=True)
class Steps:
    """Titled steps; each has a sentence and LaTeX. ``str`` gives text, a notebook shows the mathematics."""

    steps: tuple[tuple[str, str, str], ...]

    @classmethod
    def of(cls, derivation: Derivation) -> Steps:
        """The steps of a derivation."""
        pencil = derivation.pencil
        groups = "; ".join("{" + ", ".join(f"w_{i + 1}" for i in wires) + "}" for wires in pencil.components)
        listed = _distinct(pencil)
        closed = [_unknown(k, u, pencil) for k, u in enumerate(listed) if pencil.nonlinear(u)]
        rest = [_unknown(k, u, pencil) for k, u in enumerate(listed) if not pencil.nonlinear(u)]
        blocks = [_block_line(pencil, wires, t) for t, wires in _dimensions(pencil)]
        made = [
            ("Name the intermediate vectors", "Each is linear in the Gaussian matrices.", _aligned(_wires(pencil))),
            (
                "Write them as one block matrix",
                f"{pencil.size} blocks; its inverse contains every trace.",
                _matrix(pencil),
            ),
            ("Average", f"A Gaussian pair is a trace: {_PAIR}. So G = (F - S[G])^-1.", _aligned(blocks)),
            ("Find the resolvents", f"Strongly connected: {groups or 'none'}.", ""),
            ("Solve each resolvent", "Nonlinear, closed; copies of a resolvent share theirs.", _optional(closed)),
            ("Solve for their products", "Affine, level by level.", _optional(rest)),
            ("Read off the answer", "", _aligned(_values(derivation))),
        ]
        if derivation.reduced is not None:
            scalars = derivation.equations().latex()
            made.append(("Write it in scalars", "Entries of G inverted, levels solved.", scalars))
        return cls(tuple(made))

    def latex(self) -> str:
        """All steps as LaTeX."""
        return "\n\n".join(
            rf"\textbf{{{k}. {title}.}} {text}" + (f"\n\\[\n{math}\n\\]" if math else "")
            for k, (title, text, math) in enumerate(self.steps, 1)
        )

    def _repr_latex_(self) -> str:
        """What a notebook shows that knows LaTeX only: the mathematics of all steps."""
        return "$\\displaystyle " + "\n\\\\[1ex]\n".join(math for _, _, math in self.steps if math) + "$"

    def _repr_markdown_(self) -> str:
        return "\n\n".join(
            f"**{k}. {title}.** {text}" + (f"\n\n$$\n{math}\n$$" if math else "")
            for k, (title, text, math) in enumerate(self.steps, 1)
        )

    def __str__(self) -> str:
        return "\n".join(
            f"{k}. {title}. {text}" + (f"\n{math}" if math else "")
            for k, (title, text, math) in enumerate(self.steps, 1)
        )


_PAIR = "E[X M X'] = tr(B M) A for rows of covariance B"
