"""One look for all figures: fonts, colours that colour-blind readers can tell apart, sizes."""

from __future__ import annotations

import base64
import functools
import io
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
from matplotlib.figure import Figure

# Okabe and Ito, "Color Universal Design" (2008).
BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, YELLOW, GREY = "#CC79A7", "#56B4E9", "#F0E442", "#999999"
CORNER_COLOURS = {"tt": "#000000", "ff": RED, "ss": BLUE, "fs": ORANGE, "sf": GREEN}
OUTCOME_COLOURS = {"plus": RED, "zero": "#E8E8E8", "minus": BLUE, "invalid": YELLOW}
COLUMN_WIDTH_IN = 4.6
# Pixels per inch of figure on a page, so that text has one size in figures of any width.
_PAGE_PIXELS_PER_IN = 105

P = ParamSpec("P")
R = TypeVar("R")

_STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.5,
    "figure.dpi": 150,
    "savefig.dpi": 150,
}


def styled(function: Callable[P, R]) -> Callable[P, R]:
    """Make a figure function draw in the project's style, and leave matplotlib's own as it was."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        with mpl.rc_context(_STYLE):
            return function(*args, **kwargs)

    return wrapper


def new_figure(
    rows: int = 1,
    columns: int = 1,
    *,
    width_in: float | None = None,
    height_in: float = 3.2,
    **grid: Any,
) -> tuple[Figure, Any]:
    """Return a figure and its axes; call it from a function that is `styled`.

    Parameters
    ----------
    rows, columns : int
        Panels.
    width_in, height_in : float
        Size of the whole figure; by default a column's width per panel. [inch]
    **grid
        Passed to `matplotlib.figure.Figure.subplots`.

    Returns
    -------
    figure : Figure
        Not registered with pyplot, so nothing has to be closed.
    axes : Axes or array of Axes
        As `subplots` returns them.
    """
    width = width_in or COLUMN_WIDTH_IN * columns
    figure = Figure(figsize=(width, height_in), layout="constrained", dpi=150)
    return figure, figure.subplots(rows, columns, **grid)


def square_panels(count: int) -> tuple[Figure, list[Any]]:
    """Return a figure with so many square panels, three to a row, and their axes."""
    columns = min(count, 3)
    rows = -(-count // columns)
    figure, axes = new_figure(rows, columns, squeeze=False, height_in=3.9 * rows)
    flat = list(axes.flat)
    for axis in flat[count:]:
        axis.set_visible(False)
    return figure, flat[:count]


def png_bytes(figure: Figure) -> bytes:
    """Render a figure as a PNG file."""
    stream = io.BytesIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def show(figure: Figure, caption: str) -> Any:
    """Return a figure with its caption as HTML, for a notebook cell's last line.

    Parameters
    ----------
    figure : Figure
        The figure.
    caption : str
        Text below it; plain text.

    Returns
    -------
    IPython.display.HTML
        A ``figure`` element with the picture embedded.
    """
    from html import escape

    from IPython.display import HTML

    width = round(figure.get_size_inches()[0] * _PAGE_PIXELS_PER_IN)
    data = base64.b64encode(png_bytes(figure)).decode()
    return HTML(
        f'<figure><img alt="{escape(caption)}" width="{width}" src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
