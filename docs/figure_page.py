"""One page of all figures, made from the registry: what each shows, the command that draws it, a small drawing."""

from __future__ import annotations

from pathlib import Path

from rmtcollapse import figures

__all__ = ["write_figure_page"]

_HEAD = """Figures
=======

The papers' main figures, theory as lines and simulation as points with bars of one standard error, dashed where a line
tends to. ``rmtcollapse figure`` lists them; ``rmtcollapse figure NAME`` writes a picture and, beside it, the table of
what is drawn (``--data`` with .csv, .json or .nc): one row a place, with theory, simulation, standard error, number of
trials and all parameters. The drawings here are of the size ``quick``; the standard size takes less than a minute on
two cores, ``--size large`` longer, and with ``--store FOLDER`` an interrupted run resumes.

.. code-block:: python

   from rmtcollapse import figures

   made = figures.make("strong-collapse-width", size="quick")
   made.plot()           # matplotlib axes, one a panel
   made.to_dataframe()   # the table
   made.panels[0].plot() # one panel

To add a figure, add a file to ``rmtcollapse/figures/``: a docstring that says in its first line what is seen, and below
whose parameters these are; and ``FIGURE``, with the paper, three sizes and a function from a size to panels of lines.
"""


def write_figure_page(folder: Path) -> None:
    """Write ``figures.rst`` and its drawings into a folder."""
    import matplotlib as mpl

    mpl.use("Agg")
    folder.mkdir(exist_ok=True)
    (folder / "index.rst").write_text("\n".join([_HEAD, *(_section(name, folder) for name in figures.declarations())]))


def _section(name: str, folder: Path) -> str:
    import matplotlib.pyplot as plt
    import numpy as np

    picture = np.atleast_1d(figures.make(name, size="quick").plot()).flat[0].figure
    picture.savefig(folder / f"{name}.png", dpi=100)
    plt.close(picture)
    module = f"rmtcollapse.figures.{name.replace('-', '_')}"
    return (
        f"{name}\n{'-' * len(name)}\n\n.. image:: {name}.png\n\n.. automodule:: {module}\n\n"
        f"From {figures.find(name).paper}.\n\n.. code-block:: sh\n\n   rmtcollapse figure {name}\n"
    )
