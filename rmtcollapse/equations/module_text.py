"""Text of a generated module, in what its two forms have in common.

Both forms have the same functions and embed the same solver text (``solver_*.py.in``); they differ in how a pass over
the atoms of the law is written. A generated module imports nothing from this package.

Arguments shared by all generated functions: `p` the parameters, `v` the unknowns, `c` sums that depend on the law
alone, `law` an array (columns, atoms) whose first row is the multiplicity.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from string import Template
from textwrap import indent

import sympy as sp

from rmtcollapse.equations.lowering import Assign, Pass, Step, magnitude, schedule
from rmtcollapse.equations.printing import code
from rmtcollapse.equations.symbols import Column, Count, Parameter, Total
from rmtcollapse.equations.system import Branch, FixedPoint, System

__all__ = ["Form", "template"]


def template(name: str) -> Template:
    return Template(resources.files("rmtcollapse.equations").joinpath(name).read_text(encoding="utf-8"))


def _used(exprs: Sequence[sp.Basic]) -> set[str]:
    return {s.name for e in exprs for s in (e.free_symbols | e.atoms(Column))}


class Form:
    """How one target writes a pass over the atoms."""

    decorator = ""

    def __init__(self, system: System) -> None:
        self.system = system
        self.rows = {"multiplicity": 0, **{c.name: i + 1 for i, c in enumerate(system.columns)}}
        constants = {t for e in system._expressions() for t in e.atoms(Total) if not t.free_symbols}
        constants = {t for t in constants if t.atoms(Column) <= set(system.columns)}
        ordered = sorted(constants, key=sp.default_sort_key)
        self.constants: dict[sp.Basic, Parameter] = {}
        for i, total in enumerate(ordered):
            kind = Parameter if total.atoms(Column) else Count
            self.constants[total] = kind(f"law_total{i}", "")

    def run_pass(self, step: Pass, name: str, carried: Sequence[str]) -> str:
        raise NotImplementedError

    # ---- pieces common to both forms -------------------------------------------------------------------------

    def unpack(self, exprs: Sequence[sp.Basic]) -> str:
        """Lines that name the parameters, unknowns and constants that `exprs` use."""
        used = _used(exprs)
        lines = [f"{s.name} = p[{i}]" for i, s in enumerate(self.system.parameters) if s.name in used]
        lines += [f"{s.name} = v[{i}]" for i, s in enumerate(self.system.unknowns) if s.name in used]
        lines += [f"{s.name} = c[{i}]" for i, s in enumerate(self.constants.values()) if s.name in used]
        return "\n".join(lines)

    def lower(self, exprs: Sequence[sp.Expr]) -> list[sp.Expr]:
        """Put the precomputed constants of the law in."""
        return [e.xreplace(self.constants) for e in exprs]

    def statements(self, targets: Sequence[tuple[sp.Symbol, sp.Expr]], prefix: str, carried: Sequence[str] = ()) -> str:
        """Lines that compute `targets` in order; all other symbols must be in scope."""
        columns = {s for _, e in targets for s in e.atoms(Column)}
        own = {s for s, _ in targets}
        known = {s for _, e in targets for s in e.free_symbols if s not in own and not isinstance(s, Column)}
        steps = schedule(targets, known, f"{prefix}_", columns)
        return "\n".join(self._step(s, f"{prefix}{i}_", carried) for i, s in enumerate(steps))

    def _step(self, step: Step, name: str, carried: Sequence[str]) -> str:
        if isinstance(step, Assign):
            return "\n".join(f"{s.name} = {code(e)}" for s, e in step.pairs)
        return self.run_pass(step, name, carried)

    def function(self, head: str, body: str) -> str:
        return f"{self.decorator}def {head}:\n{indent(body if body.strip() else 'pass', '    ')}\n"

    # ---- the functions of a module ---------------------------------------------------------------------------

    def module(self) -> str:
        """The whole text of the generated module."""
        parts = [self.header(), self._names(), self._constants()]
        for k, point in enumerate(self.system.fixed_points):
            parts += self._fixed_point(k, point)
        parts += [self._outputs(), self._point()]
        return "\n\n".join(parts)

    def header(self) -> str:
        raise NotImplementedError

    def _names(self) -> str:
        """What the arrays hold, so that a loaded module explains itself without SymPy."""
        system = self.system
        unknowns = [(u.name, u.letter) for u in system.unknowns]
        regimes = [[(b.name, b.status) for b in point.branches] for point in system.fixed_points]
        return "\n".join(
            [
                f"SYSTEM = {system.name!r}",
                f"PARAMETERS = {tuple(s.name for s in system.parameters)!r}",
                f"COLUMNS = {tuple(s.name for s in system.columns)!r}",
                f"UNKNOWNS = {tuple(unknowns)!r}",
                f"OUTPUTS = {tuple(s.name for s in system.outputs)!r}",
                f"REGIMES = {tuple(map(tuple, regimes))!r}",
            ]
        )

    def _constants(self) -> str:
        targets = [(s, t) for t, s in self.constants.items()]
        body = self.statements(targets, "total") if targets else ""
        stores = "\n".join(f"c[{i}] = {s.name}" for i, s in enumerate(self.constants.values()))
        return self.function("constants(law)", f"{body}\nc = np.zeros({max(1, len(targets))})\n{stores}\nreturn c")

    def _fixed_point(self, k: int, point: FixedPoint) -> list[str]:
        whens = self.lower([b.when for b in point.branches])
        tests = "\n".join(f"if {code(w)}:\n    return {i}" for i, w in enumerate(whens))
        parts = [self.function(f"branch_{k}(p, v, c)", f"{self.unpack(whens)}\n{tests}\nreturn -1")]
        cases = []
        for b, branch in enumerate(point.branches):
            tag = f"{k}_{b}"
            parts += self._solver(tag, branch)
            parts.append(self._given(tag, point, branch))
            cases.append(f"if branch == {b}:\n{indent(self._case(tag, point, branch), '    ')}")
        body = f"branch = branch_{k}(p, v, c)\n" + "\n".join(cases)
        body += "\nreturn branch, 0.0, 0, NO_BRANCH"
        parts.append(self.function(f"fixed_point_{k}(guess, p, v, c, law)", body))
        return parts

    def _positions(self, symbols: Sequence[sp.Symbol]) -> list[int]:
        return [list(self.system.unknowns).index(s) for s in symbols]  # type: ignore[arg-type]

    def _case(self, tag: str, point: FixedPoint, branch: Branch) -> str:
        where = self._positions(branch.solve)
        status = 0 if not branch.status else 1
        if not where:
            return f"given_{tag}(p, v, c, law)\nreturn branch, 0.0, 0, {status}"
        if branch.is_bracketed:
            lines = [f"x, radius, count, failure = solve_{tag}(guess[{where[0]}], p, v, c, law)", f"v[{where[0]}] = x"]
        else:
            start = ", ".join(f"guess[{i}]" for i in where)
            lines = [f"x, radius, count, failure = solve_{tag}(np.array([{start}]), p, v, c, law)"]
            lines += [f"v[{i}] = x[{j}]" for j, i in enumerate(where)]
        lines += [f"given_{tag}(p, v, c, law)", f"return branch, radius, count, failure if failure < 0 else {status}"]
        return "\n".join(lines)

    def _given(self, tag: str, point: FixedPoint, branch: Branch) -> str:
        lines = [self._values(list(branch.given.items()))]
        lines += [f"v[{i}] = {s.name}" for i, s in zip(self._positions(list(branch.given)), branch.given, strict=True)]
        return self.function(f"given_{tag}(p, v, c, law)", "\n".join(lines))

    def _solver(self, tag: str, branch: Branch) -> list[str]:
        if not branch.solve:
            return []
        if branch.is_bracketed:
            text = template("solver_one.py.in").substitute(tag=tag, decorator=self.decorator)
            return [self._bracket(tag, branch), self._residual_one(tag, branch), text]
        size = len(branch.solve)
        text = template("solver_many.py.in").substitute(tag=tag, decorator=self.decorator, size=size)
        return [self._start(tag, branch), self._residual_many(tag, branch), text]

    def _bracket(self, tag: str, branch: Branch) -> str:
        assert branch.bracket is not None
        ends = [_name("lower"), _name("upper")]
        lines = self._values(list(zip(ends, branch.bracket, strict=True)))
        return self.function(f"bracket_{tag}(p, v, c, law)", f"{lines}\nreturn lower, upper")

    def _start(self, tag: str, branch: Branch) -> str:
        values = [_name(f"value{i}") for i in range(len(branch.start))]
        lines = self._values(list(zip(values, branch.start, strict=True)))
        listed = ", ".join(s.name for s in values)
        return self.function(f"start_{tag}(p, v, c, law)", f"{lines}\nreturn np.array([{listed}])")

    def _values(self, pairs: Sequence[tuple[sp.Symbol, sp.Expr]]) -> str:
        """Lines that unpack what `pairs` use and compute them."""
        lowered = self.lower([e for _, e in pairs])
        return f"{self.unpack(lowered)}\n" + self.statements(
            [(s, e) for (s, _), e in zip(pairs, lowered, strict=True)], "given"
        )

    def _residual_one(self, tag: str, branch: Branch) -> str:
        (x,), (expr,) = branch.solve, self.lower(list(branch.equations))
        # Expanded, so that no power of x stands in both a numerator and a denominator, where it could overflow.
        slope = sp.expand(x * sp.diff(expr, x))
        bend = sp.expand(x * sp.diff(slope, x))
        targets = [(_name("value"), expr), (_name("slope"), slope), (_name("bend"), bend)]
        body = "\n".join(
            [
                self.unpack([expr]),
                f"{x.name} = np.float64(x)",
                self._with_scales(targets, 1),
                "return value, slope, bend, scale",
            ]
        )
        return self.function(f"residual_{tag}(x, p, v, c, law)", body)

    def _with_scales(self, targets: list[tuple[sp.Symbol, sp.Expr]], equations: int) -> str:
        """Statements for `targets`, and for the scale of the rounding error of each equation, in the same passes."""
        columns = {s for _, e in targets for s in e.atoms(Column)}
        own = {s for s, _ in targets}
        known = {s for _, e in targets for s in e.free_symbols if s not in own}
        steps = schedule(targets, known, "sum_", columns)
        lowered = {name: e for s in steps if isinstance(s, Assign) for name, e in s.pairs}
        if equations == 1:
            scales = [(_name("scale"), magnitude(lowered[_name("value")]))]
        else:
            scales = [(_name(f"g{i}"), magnitude(lowered[_name(f"f{i}")])) for i in range(equations)]
        steps.append(Assign(tuple(scales)))
        return "\n".join(self._step(s, f"sum{i}_", ()) for i, s in enumerate(steps))

    def _residual_many(self, tag: str, branch: Branch) -> str:
        exprs, xs = self.lower(list(branch.equations)), list(branch.solve)
        targets: list[tuple[sp.Symbol, sp.Expr]] = []
        stores = []
        for i, expr in enumerate(exprs):
            targets.append((_name(f"f{i}"), expr))
            stores.append(f"F[{i}] = f{i}\nS[{i}] = g{i}")
            for j, xj in enumerate(xs):
                first = xj * sp.diff(expr, xj)
                targets.append((_name(f"j{i}_{j}"), first))
                stores.append(f"J[{i}, {j}] = j{i}_{j}")
                for m, xm in enumerate(xs):
                    targets.append((_name(f"h{i}_{j}_{m}"), xm * sp.diff(first, xm)))
                    stores.append(f"H[{i}, {j}, {m}] = h{i}_{j}_{m}")
        names = [f"{x.name} = x[{i}]" for i, x in enumerate(xs)]
        body = "\n".join([self.unpack(exprs), *names, self._with_scales(targets, len(exprs)), *stores])
        return self.function(f"residual_{tag}(x, p, v, c, law, F, J, H, S)", body)

    def _stated(self) -> list[tuple[sp.Symbol, sp.Expr]]:
        """For each stated equation its relative defect, |left - right| over the sum of its absolute addends."""
        made: list[tuple[sp.Symbol, sp.Expr]] = []
        for i, eq in enumerate(eq for point in self.system.fixed_points for eq in point.statement):
            addends = [*sp.Add.make_args(eq.lhs), *sp.Add.make_args(eq.rhs)]
            made += [(_name(f"left{i}"), eq.lhs), (_name(f"right{i}"), eq.rhs)]
            made.append((_name(f"size{i}"), sp.Add(*map(sp.Abs, addends))))
        return made

    def _outputs(self) -> str:
        system = self.system
        stated = self._stated()
        stated = [(s, e) for (s, _), e in zip(stated, self.lower([e for _, e in stated]), strict=True)]
        named = [*system.definitions.items(), *system.outputs.items()]
        named = [(s, e) for (s, _), e in zip(named, self.lower([e for _, e in named]), strict=True)]
        early, late = self._split(named)
        lines = [self.unpack(self._all_outputs(named + stated)), self.statements([*stated, *early], "first")]
        if system.recursion:
            lines.append(self._recursion())
        carried = [s.name for s in (system.recursion.state if system.recursion else ()) if isinstance(s, Column)]
        if late:
            lines.append(self.statements(late, "last", carried))
        lines += [f"out[{i}] = {s.name}" for i, s in enumerate(system.outputs)]
        count = len(stated) // 3
        defects = [f"relative_defect(left{i}, right{i}, size{i})" for i in range(count)] or ["0.0"]
        lines.append(f"return max({', '.join(defects)}, 0.0)")
        return self.function("outputs(p, v, c, law, out)", "\n".join(line for line in lines if line))

    def _all_outputs(self, named: Sequence[tuple[sp.Symbol, sp.Expr]]) -> list[sp.Expr]:
        exprs = [e for _, e in named]
        if self.system.recursion:
            rec = self.system.recursion
            exprs += self.lower([rec.steps, *rec.within.values(), *(e for pair in rec.state.values() for e in pair)])
        return exprs

    def _split(self, named: Sequence[tuple[sp.Symbol, sp.Expr]]) -> tuple[list, list]:  # type: ignore[type-arg]
        """Definitions and outputs that do not depend on the recursion, and those that do."""
        if not self.system.recursion:
            return list(named), []
        touched: set[sp.Basic] = set(self.system.recursion.state)
        late = []
        for symbol, expr in named:
            if (expr.free_symbols | expr.atoms(Column)) & touched:
                touched.add(symbol)
                late.append((symbol, expr))
        return [pair for pair in named if pair not in late], late

    def _recursion(self) -> str:
        rec = self.system.recursion
        assert rec is not None
        arrays = [s.name for s in rec.state if isinstance(s, Column)]
        lowered = {s: tuple(self.lower(list(pair))) for s, pair in rec.state.items()}
        columns = [(s, *lowered[s]) for s in rec.state if isinstance(s, Column)]
        scalars = [(s, *lowered[s]) for s in rec.state if not isinstance(s, Column)]
        begin = self.statements([(s, first) for s, first, _ in scalars], "begin") if scalars else ""
        within = self.statements(
            list(zip(rec.within, self.lower(list(rec.within.values())), strict=True)), "step", arrays
        )
        after = [f"{s.name}_after = {code(e)}" for s, _, e in scalars]
        keep = [f"{s.name} = {s.name}_after" for s, _, _ in scalars]
        inside = "\n".join([within, *after, self.update([(s.name, e) for s, _, e in columns], arrays, "update"), *keep])
        (steps,) = self.lower([rec.steps])
        started = self.update([(s.name, e) for s, e, _ in columns], [], "start")
        loop = f"for _ in range(int({code(steps)})):\n{indent(inside, '    ')}"
        return "\n".join([begin, started, loop])

    def update(self, pairs: Sequence[tuple[str, sp.Expr]], carried: Sequence[str], name: str) -> str:
        raise NotImplementedError

    def _point(self) -> str:
        lines = ["status = 0", "radius = 0.0", "count = 0"]
        lines += [f"v[{i}] = np.nan" for i in range(len(self.system.unknowns))]
        for k in range(len(self.system.fixed_points)):
            lines.append(f"branch, r, n, s = fixed_point_{k}(guess, p, v, c, law)")
            lines.append(f"info[{4 + k}] = branch\nradius = max(radius, r)\ncount += n")
            lines.append("if s < 0 or s > status:\n    status = s")
            lines.append("if status < 0:\n    info[0] = status\n    info[1] = radius\n    return")
        lines.append("info[3] = outputs(p, v, c, law, out)")
        lines.append(
            "info[0] = status if info[3] <= 1024.0 * EPS + 4.0 * radius else NOT_MET\ninfo[1] = radius\ninfo[2] = count"
        )
        return self.function("point(guess, p, c, law, v, out, info)", "\n".join(lines))


def _name(name: str) -> Parameter:
    return Parameter(name, "", real=True)
