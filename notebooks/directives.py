"""Parts of the pages that are made from the code, so that they say what it does."""

import inspect
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from docstrings import Docstrings
from docutils import nodes
from public_names import public_names
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from jaxz.io import meanings
from jaxz.status import WARNING, Status, ZWarn, explain

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"


class Made(SphinxDirective):
    """A directive that is replaced by lines of reStructuredText."""

    def lines(self) -> list[str]:
        """Return them."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Return what they stand for."""
        return self.parse_text_to_nodes("\n".join(["``````{eval-rst}", *self.lines(), "``````"]))


class Reference(Made):
    """``public:: jaxz.io``: a table of the public names of a module, and the docstring of each."""

    required_arguments = 1

    def lines(self) -> list[str]:
        """Return the table and the docstrings."""
        path = self.arguments[0]
        names, words = public_names(path), Docstrings()
        rows = ((f":py:obj:`{name} <{path}.{name}>`", words.text(first_line(one))) for name, one in names.items())
        lines = table(("name", "what"), rows)
        for name, one in names.items():
            kind = "autoclass" if inspect.isclass(one) else "autofunction"
            lines += [f".. {kind}:: {path}.{name}", ""]
        return lines


class Notebooks(Made):
    """``notebooks::``: a chapter of those of the notebooks named in it that are there."""

    has_content = True

    def lines(self) -> list[str]:
        """Return a hidden table of contents."""
        names = [name for name in self.content if name in self.env.found_docs]
        return [".. toctree::", "   :hidden:", "   :caption: Learn", "", *(f"   {name}" for name in names), ""]


class Columns(Made):
    """``catalog-columns:: EVERY``: what the columns of a catalog mean, a group of `jaxz.io.meanings`."""

    required_arguments = 1

    def lines(self) -> list[str]:
        """Return a table."""
        group = getattr(meanings, self.arguments[0])
        return table(("column", "meaning"), ((f"``{name}``", meaning) for name, meaning in group.items()))


class Bits(Made):
    """``zwarn-bits::``: what each bit of ZWARN says."""

    def lines(self) -> list[str]:
        """Return a table."""
        words = Docstrings()
        rows = ((f"{bit.value.bit_length() - 1}", f"``{bit.name}``", words.text(WARNING[bit])) for bit in ZWarn)
        return table(("bit", "name", "meaning"), rows)


class Codes(Made):
    """``status-codes::``: what each code of STATUS says."""

    def lines(self) -> list[str]:
        """Return a table."""
        return table(("code", "name", "meaning"), ((f"{one.value}", f"``{one.name}``", explain(one)) for one in Status))


class Benchmark(Made):
    """``benchmark:: scan``: what a benchmark has measured, from `benchmarks/results`."""

    required_arguments = 1

    def lines(self) -> list[str]:
        """Return a table for each machine, and its notes."""
        lines: list[str] = []
        for path in sorted(RESULTS.glob("*.json")):
            found = json.loads(path.read_text(encoding="utf-8")).get(self.arguments[0])
            if found is None:
                continue
            self.env.note_dependency(str(path))
            about, rows = found["environment"], found["rows"]
            names = list(dict.fromkeys(name for row in rows for name in row))
            names.sort(key=lambda name: isinstance(rows[0].get(name), (int, float)))
            lines += [f"{about['device']}, JAX {about['versions']['jax']}, {about['date'][:10]}:", ""]
            lines += table(tuple(names), (tuple(shown(row.get(name)) for name in names) for row in rows))
            lines += [*(Docstrings().text(note) for note in found["notes"]), ""]
        return lines


def shown(value: Any) -> str:
    """Return a cell: numbers with three digits, and a dash where there is nothing."""
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return "–" if value in (None, "") else str(value)


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Return a table with a head."""
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: auto", ""]
    for row in (head, *rows):
        lines += [f"   {'*' if not number else ' '} - {cell}" for number, cell in enumerate(row)]
    return [*lines, ""]


def first_line(value: Any) -> str:
    """Return the first line of a docstring."""
    return (inspect.getdoc(value) or "").partition("\n")[0]


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx of the directives."""
    for name, directive in {
        "public": Reference,
        "notebooks": Notebooks,
        "catalog-columns": Columns,
        "zwarn-bits": Bits,
        "status-codes": Codes,
        "benchmark": Benchmark,
    }.items():
        app.add_directive(name, directive)
    return {"parallel_read_safe": True}
