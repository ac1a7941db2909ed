"""From an expression in random matrices to solved, verified equations.

An expression in declared symbols is linearised into a circuit of intermediate vectors, whose matrix Dyson equation is
solved and certified. Here live the letters, the derivation, its teaching view and its judgement by finite matrices;
never a theorem of its own: those are models.
"""

from rmtcollapse.derive.answer import Answer
from rmtcollapse.derive.derivation import Derivation, SharedLetterWarning, derive
from rmtcollapse.derive.features import features
from rmtcollapse.derive.letters import commuting, dims, gaussian, identity, scalar, symmetric
from rmtcollapse.derive.reading import trace

__all__ = [
    "Answer",
    "Derivation",
    "SharedLetterWarning",
    "commuting",
    "derive",
    "dims",
    "features",
    "gaussian",
    "identity",
    "scalar",
    "symmetric",
    "trace",
]
