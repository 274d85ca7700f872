"""Many figures in one file."""

from collections.abc import Iterable
from pathlib import Path

from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure


def save_pages(figures: Iterable[Figure], path: str | Path) -> None:
    """Write a PDF with a page for each figure; one is in memory at a time.

    Args:
        figures: any number.
        path: of the file.

    Example:
        >>> from matplotlib.figure import Figure
        >>> jaxz.plot.save_pages([Figure(), Figure()], "two.pdf")
    """
    with PdfPages(path) as pages:
        for figure in figures:
            pages.savefig(figure)
