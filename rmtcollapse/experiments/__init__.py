"""Finite-size experiments: trials, seeds, executors, sweeps, storage and the verdict.

Here live drawing random matrices and fitting estimators, running many trials and comparing their means with a theory.
Here never live formulas of a theory, nor any particular model: a model is whatever follows the protocol.
"""
