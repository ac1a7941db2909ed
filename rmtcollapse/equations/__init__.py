"""A fixed-point system, written once in SymPy, and everything that is made from it.

Here live symbols and sums over a law, systems with regimes, their LaTeX, the generated NumPy and Numba modules with
their certified solver, and the mpmath reference. Here never live statistics, random matrices or a particular theorem.
Importing a system's pieces loads SymPy; evaluating a compiled one does not.
"""
