"""The command line, made from the model registry.

Here live commands, the parsing of what a user types, and tables and JSON. Here never live numbers: a command calls the
same functions that Python users call. What is typed is parsed, never evaluated.
"""
