"""The figures' common ground: size, fonts, colours, and bytes that are the same whenever a figure is drawn."""

from __future__ import annotations

import io
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Sequence, Tuple

from ...errors import UserError
from ...results.files import write_atomically
from ...symbols import list_networks

WIDTH = 8.3  # inches: 830 pixels at 100 dots per inch, the width of a page on a code host
FORMATS = ("svg", "png")

# Seven of the eight colours of Okabe and Ito (2008), which colour-blind readers tell apart; yellow is too light here.
COLOURS = ("#000000", "#E69F00", "#0072B2", "#009E73", "#D55E00", "#56B4E9", "#CC79A7")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h")
LINES = ("-", "--", ":", "-.")
GREY = "#666666"

_STYLE = {
    "font.family": "DejaVu Sans", "font.size": 9, "axes.titlesize": 11, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "grid.color": "#e4e4e4", "grid.linewidth": 0.7, "axes.axisbelow": True, "hatch.linewidth": 0.6,
    "svg.hashsalt": "mxbench", "svg.fonttype": "path", "legend.frameon": False,
}


@contextmanager
def style():
    """The look of all figures, whatever the user's own settings of matplotlib are.

    Raises:
        UserError: matplotlib is missing.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise UserError("plots need matplotlib: run pip install 'mxbench[report]'") from error
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def canvas(height: float, title: str = "", subtitle: str = "", width: float = WIDTH):
    """A figure of that size in inches and its axes, under a title and a line that says what was measured on what."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    if subtitle:
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
    axes = figure.add_subplot()
    axes.set_title(subtitle or title, fontsize=8.5 if subtitle else 11, fontweight="normal", color=GREY, loc="left",
                   wrap=True)
    return figure, axes


def render(figure, form: str) -> bytes:
    """The figure as ``svg`` or ``png``: the same bytes for the same figure, without a date or a version.

    Raises:
        UserError: there is no such format.
    """
    if form not in FORMATS:
        raise UserError(f"{form!r} is no format for plots: choose from {', '.join(FORMATS)}")
    metadata = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}[form]
    target = io.BytesIO()
    figure.savefig(target, format=form, metadata=metadata, dpi=200)
    return target.getvalue()


def save(draw: Callable, path) -> None:
    """Write the figure that ``draw`` returns into a file; the suffix decides the format.

    Raises:
        UserError: matplotlib is missing, the suffix is not one of :data:`FORMATS`, or the file cannot be written.
    """
    with style():
        try:
            write_atomically(path, render(draw(), Path(path).suffix[1:]))
        except UserError as error:
            raise UserError(f"the plot cannot be written to {path} ({error}): give a file such as plot.svg") from None


def look(network: str) -> Tuple[str, str, str]:
    """Colour, marker and line style of a network: the same in every figure."""
    known = list_networks()
    return pick(known.index(network) if network in known else sum(map(ord, network)))


def pick(number: int) -> Tuple[str, str, str]:
    """Colour, marker and line style number so and so; neighbours differ in all three."""
    return tuple(choices[number % len(choices)] for choices in (COLOURS, MARKERS, LINES))


def plain_log_axis(axis, ticks: Sequence[float] = ()) -> None:
    """Numbers such as 0.5 and 200 on a logarithmic axis, instead of powers of ten."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(FixedLocator(ticks) if ticks else LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axis.set_minor_formatter(NullFormatter())
