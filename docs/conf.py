"""Sphinx configuration. Model pages and notebooks are put in place at the start of a build."""

from __future__ import annotations

import shutil
import sys
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from figure_page import write_figure_page  # noqa: E402
from model_pages import write_model_pages  # noqa: E402

project = "rmtcollapse"
author = "the rmtcollapse developers"
copyright = f"2026, {author}"
release = metadata.version("rmtcollapse")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
html_theme = "furo"
html_title = "rmtcollapse"
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath", "amsmath", "deflist"]
# Notebooks are executed by the tests; the pages show what they stored.
nb_execution_mode = "off"
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
toc_object_entries = False


def setup(app: object) -> None:
    """Write the generated pages before Sphinx looks for sources."""
    write_model_pages(HERE / "models")
    write_figure_page(HERE / "figures")
    shutil.rmtree(HERE / "notebooks", ignore_errors=True)
    shutil.copytree(HERE.parent / "notebooks", HERE / "notebooks", ignore=shutil.ignore_patterns(".*"))
