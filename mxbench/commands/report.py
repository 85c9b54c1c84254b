"""``mxbench report``: tables and plots from results files."""

from __future__ import annotations

from pathlib import Path

import click

from ..report import formats, plots as drawing
from ..report.tables import SORTS
from .options import BatchSize, CommaList


@click.command()
@click.argument("results", nargs=-1, required=True, metavar="RESULTS...")
@click.option("--format", "form", type=click.Choice(formats.FORMATS), default="markdown", show_default=True,
              help="csv and json have all figures of each cell.")
@click.option("--sort", type=click.Choice(list(SORTS)), default="published", show_default=True,
              help="Order of the networks: as published; or fastest, smallest, most accurate first.")
@click.option("--networks", type=CommaList(), help="Only these.")
@click.option("--batch-sizes", type=CommaList(BatchSize()), help="Only these.")
@click.option("--side-by-side", "beside", is_flag=True,
              help="One table for all machines and settings, with a group of columns for each.")
@click.option("--spread", is_flag=True, help="Show ± half the 95 % interval beside every speed.")
@click.option("--marks", is_flag=True, help="Mark cells in doubt by letters, which the notes explain.")
@click.option("--predicted", is_flag=True, help="Show the predicted memory beside the measured.")
@click.option("--roofline", is_flag=True, help="Add the arithmetic per second, and its share of the machine's peak.")
@click.option("--scaling", is_flag=True, help="Only how training scales over several workers.")
@click.option("--plots", metavar="FOLDER",
              help="Draw plots into this folder, as SVG and PNG, instead (needs matplotlib).")
@click.option("--plot", "kinds", type=CommaList(click.Choice(list(drawing.KINDS))), metavar="KIND,...",
              help=f"Which plots: {', '.join(drawing.KINDS)}.  [default: all that the results allow]")
@click.option("--html", metavar="FILE",
              help="Write one page with tables, plots and all details, which opens in any browser, instead.")
@click.option("--output", type=click.Path(), help="Write to this file instead of standard output.")
def report(results, form, sort, networks, batch_sizes, beside, spread, marks, predicted, roofline, scaling, plots, kinds,
           html, output) -> int:
    """Render the speed and memory tables of results files, or draw them.

    Records of unlike machines, protocols, inputs or settings come into tables of their own.

    \b
    mxbench report results.jsonl --spread --marks --sort speed
    mxbench report mine.jsonl theirs.jsonl --side-by-side --batch-sizes 10
    mxbench report results.jsonl --format csv --output cells.csv
    mxbench report results.jsonl --html results.html
    mxbench report results.jsonl --scaling
    mxbench report results.jsonl --plots plots/
    mxbench report results.jsonl --plots plots/ --plot windows --networks resnet-50 --batch-sizes 10
    """
    from ..report.document import build, load, refuse_stand_ins, select

    _check_usage(form, beside, scaling, plots, kinds, output)
    _check_page(html, plots or output or form != "markdown" or beside or scaling)
    records = load(results, tell=lambda line: click.echo(line, err=True))
    refuse_stand_ins(records)
    records = select(records, networks or (), batch_sizes or ())
    if plots:
        return draw(records, Path(plots), kinds)
    if html is not None:
        from ..report import page

        return _write(html, page.build(records))
    if scaling:
        from ..report import scaling as workers

        return _write(output, workers.build(records, form=form))
    return _write(output, build(records, spread, predicted, marks, sort, form, beside, roofline))


def _write(path, text: str) -> int:
    """Into the file, or to standard output where none is named."""
    from ..results.files import write_atomically

    if path is not None:
        write_atomically(path, text)
    else:
        click.echo(text, nl=False)
    return 0


def _check_usage(form, beside, scaling, plots, kinds, output) -> None:
    if beside and form in ("csv", "json"):
        raise click.UsageError(f"--side-by-side is for markdown and latex: {form} has the cells of all machines one "
                               "by one")
    if scaling and (beside or plots or form == "latex"):
        raise click.UsageError("--scaling is one kind of table, in markdown, csv or json: leave out --side-by-side, --plots and "
                               "--format latex")
    if plots and output:
        raise click.UsageError("--plots names its files itself: leave out --output")
    if kinds and not plots:
        raise click.UsageError("--plot says what to draw, but not where: give --plots FOLDER")


def _check_page(html, other) -> None:
    if html is not None and other:
        raise click.UsageError("--html writes one page with everything: leave out --plots, --output, --format, "
                               "--scaling and --side-by-side")


def draw(records, folder: Path, kinds) -> int:
    """Write plots of records; with kinds asked for, each of them has to give one."""
    from ..errors import UserError
    from ..results.files import write_atomically

    found, undrawable = drawing.collect(records, kinds or tuple(drawing.KINDS))
    for kind in kinds or ():
        reasons = [one.reason for one in undrawable if one.kind == kind]
        if reasons and not any(plot.kind == kind for plot in found):
            raise UserError(f"nothing to draw for --plot {kind}: {reasons[0]}")
    files = {f"{plot.name}.{form}": plot.draw(form) for plot in found for form in drawing.FORMATS}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the folder {folder} for plots: {error.strerror}") from None
    for name, content in files.items():
        write_atomically(folder / name, content)
        click.echo(folder / name)
    for one in undrawable:
        click.echo(f"no plot {one.name}: {one.reason}", err=True)
    return 0
