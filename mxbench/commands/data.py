"""``mxbench data``: training input, made or packed before anything is measured."""

from __future__ import annotations

import click


@click.group()
def data() -> None:
    """Make or pack training images (RecordIO)."""


@data.command()
@click.argument("folder", type=click.Path())
@click.argument("output", metavar="OUTPUT.rec", type=click.Path())
@click.option("--size", type=click.IntRange(min=1), default=256, show_default=True,
              help="Length of the shorter edge of the packed images, in pixels.")
@click.option("--quality", type=click.IntRange(1, 100), default=95, show_default=True,
              help="Quality of the JPEG images.")
@click.option("--force", is_flag=True, help="Replace OUTPUT.rec if it exists.")
def pack(folder: str, output: str, size: int, quality: int, force: bool) -> None:
    """Pack a folder of images into OUTPUT.rec.

    FOLDER has one subfolder of images for each class; train from it with --data-train OUTPUT.rec. Labels are the places, from 0, of the subfolders in alphabetical
    order, listed in OUTPUT.classes.txt; OUTPUT.idx is the index that MXNet's own tools use.
    """
    from ..data import pack_folder

    pack_folder(folder, output, size=size, quality=quality, force=force)


@data.command()
@click.option("--cache", metavar="FOLDER", type=click.Path(),
              help="Where to keep it.  [default: the variable MXBENCH_CACHE, else the user's cache folder]")
def make(cache: str) -> None:
    """Make the standard set of images now.

    It holds 8000 synthetic photographs of 10 classes in about 370 MB. Measurements use it unless --data-train names
    another file; without this command it is made when first needed. Prints the path of the .rec file.
    """
    from ..data import standard

    click.echo(standard.make(cache))
