"""``mxbench data``: training input, made, packed or timed before anything is measured."""

from __future__ import annotations

import click

from .options import BatchSize, ImageShape

_LOSS = 0.05  # of the speed of training, what the input may cost


@click.group()
def data() -> None:
    """Make, pack or time training images (RecordIO)."""


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

    FOLDER has one subfolder of images for each class; train from it with --data-train OUTPUT.rec. Labels are the places,
    from 0, of the subfolders in alphabetical order, listed in OUTPUT.classes.txt; OUTPUT.idx is the index that MXNet's own
    tools use.
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


@data.command()
@click.option("--data-train", type=click.Path(), help="Your own RecordIO file.  [default: 8000 generated images]")
@click.option("--batch-size", type=BatchSize(), default=10, show_default=True, help="Images in a batch.")
@click.option("--image-shape", type=ImageShape(), default="3,224,224", show_default=True,
              help="Input shape of the network.")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), default=5, show_default=True,
              help="Measure so long.")
@click.option("--no-wait", is_flag=True, help="Fail if another mxbench is measuring.")
def speed(data_train: str, batch_size: int, image_shape: tuple, seconds: float, no_wait: bool) -> None:
    """Measure how fast training images are read and decoded, with nothing that trains.

    They come from the iterator that training uses: JPEG images decoded, scaled, cropped and mirrored at random, normalized.
    A network on a GPU cannot train faster than this. One on the CPU shares the processors with it, and the last lines say
    how much that costs.
    """
    from ..data import prepare, rate
    from ..results.machine import physical_cores
    from ..sweep.lock import exclusive
    from ..sweep.progress import say

    spec, cores = prepare(data_train=data_train, batch_size=batch_size), physical_cores()
    with exclusive(["cpu(0)"], not no_wait, say):
        found = rate.measure(spec, batch_size, image_shape, seconds)
    spread = f" ±{found.half_width:.1%}" if found.half_width is not None else ""
    bound = "decoding" if found.is_decoding else "reading: the file was not in memory, a second run may be faster"
    slowest, fastest = found.fastest_training(_LOSS, cores)
    click.echo(f"{spec.name}; batches of {batch_size}, shape {','.join(map(str, image_shape))}")
    click.echo(f"input alone: {found.images_per_second:.0f} images/sec{spread}, bound by {bound}")
    click.echo(f"an image takes {found.milliseconds:.2f} ms of processor time; decoding threads: {found.threads}")
    click.echo(f"training on {cores} cores loses {_LOSS:.0%} to it at {slowest:.0f} images/sec if all of them wait while an "
               f"image is decoded, at {fastest:.0f} if the work is shared evenly; a slower network loses less")
