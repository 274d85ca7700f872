"""What a figure holds."""

import io

from matplotlib.figure import Figure


def texts(axes):
    return [text.get_text() for text in axes.texts]


def size_of_png(figure: Figure) -> int:
    stream = io.BytesIO()
    figure.savefig(stream, dpi=50)
    assert stream.getvalue().startswith(b"\x89PNG")
    return len(stream.getvalue())


def panel(figure: Figure, name: str):
    """Return the axes of a figure of one spectrum: its spectrum, residual or curve."""
    return next(axes for axes in figure.axes if axes.get_label() == name)


def labels(axes):
    """Return the lines of a legend."""
    return [text.get_text() for text in axes.get_legend().get_texts()]
