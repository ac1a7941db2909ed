"""The few deterministic equivalents that every model shares, as symbolic pieces of systems.

Here live one resolvent and two resolvents of a sample covariance (later: weighted mixtures, random projections, several
sources), each with its source and its regimes. Here never live models, data or solvers. Importing loads SymPy; models
import from here only inside the functions that build their equations.
"""
