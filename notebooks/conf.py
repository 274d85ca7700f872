"""The documentation site: `sphinx-build -W --keep-going notebooks build/docs`."""

import sys
from pathlib import Path

import jaxz

HERE = Path(__file__).parent
DRAWN = HERE.parent / "build" / "drawn"
"""Folder of pictures that are made with the site; the rest of `build` is its output."""

sys.path.insert(0, str(HERE))

project = "jaxz"
author = "the jaxz developers"
copyright = author
release = version = jaxz.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode", "sphinx-mathjax-offline"]
extensions += ["directives", "docstrings"]  # beside this file
exclude_patterns = ["**.ipynb_checkpoints"]

# Notebooks are run by the tests.
nb_execution_mode = "off"
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
napoleon_numpy_docstring = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"jaxz {release}"
html_static_path = [str(DRAWN), "_static"]
html_css_files = ["site.css"]
html_show_sphinx = False


def setup(app: object) -> None:
    """Draw what is not there yet."""
    from picture import draw

    DRAWN.mkdir(parents=True, exist_ok=True)
    if not (DRAWN / "picture.png").exists():
        draw(str(DRAWN / "picture.png"))
