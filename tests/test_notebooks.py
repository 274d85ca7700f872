"""What is asked of every notebook as it is stored; `.ci/run` runs them whole (`pip install -e '.[docs]'`, nbmake)."""

import json
import re
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def notebook(request):
    return json.loads(request.param.read_text(encoding="utf-8"))


def code_of(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 5


def test_format(notebook):
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"]["kernelspec"] == {"display_name": "Python 3", "language": "python", "name": "python3"}
    names = [cell["id"] for cell in notebook["cells"]]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-zA-Z0-9_-]{1,64}", name) for name in names)
    assert {cell["cell_type"] for cell in notebook["cells"]} == {"code", "markdown"}


def test_nothing_is_kept_of_a_run(notebook):
    assert len(code_of(notebook)) >= 5
    for cell in code_of(notebook):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
        assert cell["metadata"] == {}


def test_begins_with_a_title_and_what_is_learned(notebook):
    first = notebook["cells"][0]
    assert first["cell_type"] == "markdown"
    title, paragraph = re.fullmatch(r"# (.+)\n\n(.+)", "".join(first["source"]), flags=re.DOTALL).groups()
    assert "\n" not in title
    assert "You will learn" in paragraph
    assert "\n\n" not in paragraph


def test_ends_in_a_figure(notebook):
    last = "".join(code_of(notebook)[-1]["source"]).rstrip().splitlines()[-1]
    assert notebook["cells"][-1]["cell_type"] == "code"
    assert last == "plt.show()" or ".plot" in last
