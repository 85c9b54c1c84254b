"""A folder with one subfolder of images for each class, packed into a RecordIO file."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import sys
from pathlib import Path
from typing import List, NamedTuple, Optional, Union

import numpy as np
from PIL import Image, ImageOps

from ..errors import UserError
from .progress import progress_bar
from .recordwriter import RecordWriter
from .workers import map_in_order

_IMAGE_SUFFIXES = frozenset(".jpg .jpeg .jpe .png .bmp .gif .webp .tif .tiff .ppm .pgm".split())
_CHUNK = 16  # images converted by a worker at a time


class Packed(NamedTuple):
    """What :func:`pack_folder` did."""

    num_images: int
    classes: List[str]  # in the order of their labels
    num_other_files: int  # files that are no images by their name
    corrupt: List[Path]  # images that cannot be decoded


def pack_folder(folder: Union[str, Path], output: Union[str, Path], size: int = 256, quality: int = 95,
                force: bool = False, progress: bool = True, processes: Optional[int] = None) -> Packed:
    """Pack FOLDER/CLASS/IMAGE files into ``output`` (.rec), with an index (.idx) and a list of classes (.classes.txt).

    Each image is turned upright, scaled so that its shorter edge has ``size`` pixels, and stored as a JPEG of
    ``quality`` in an order that mixes the classes, always the same. The label of a class is its place, from 0, in the
    sorted list of subfolders. Files that are no images by their name are left out; so are corrupt images, each of which
    is named on standard error.

    Raises:
        UserError: the folder is not laid out like this, or the output exists (without ``force``) or cannot be written.
    """
    folder, output = Path(folder).expanduser().resolve(), Path(output).expanduser().resolve()
    _check_output(output, force)
    classes = _classes(folder)
    files, num_other_files = _image_files(folder, classes)
    order = np.random.default_rng(0).permutation(len(files))
    chunks = [[files[place] for place in order[first:first + _CHUNK]] for first in range(0, len(files), _CHUNK)]
    convert = functools.partial(_convert, size=size, quality=quality)
    corrupt = []
    with RecordWriter(output, {".classes.txt": "".join(f"{name}\n" for name in classes)}) as records, \
            progress_bar(len(files), f"Packing {folder.name}", progress) as advance, \
            contextlib.closing(map_in_order(convert, chunks, processes)) as converted:
        for chunk, images in zip(chunks, converted):
            for (file, label), image in zip(chunk, images):
                if image is None:
                    corrupt.append(file)
                else:
                    records.write(label, image)
            advance(len(images))
        if len(corrupt) == len(files):
            raise UserError(f"none of the {len(files)} images in {folder} can be decoded: give a folder of intact ones")
    packed = Packed(len(files) - len(corrupt), classes, num_other_files, corrupt)
    if progress:
        _print_summary(packed, output)
    return packed


def _check_output(output: Path, force: bool) -> None:
    if output.suffix != ".rec":
        raise UserError(f"the output {output.name} must end in .rec: give OUTPUT.rec")
    if output.is_dir():
        raise UserError(f"the output {output} is a folder: give the name of a file")
    if output.exists() and not force:
        raise UserError(f"the output {output} exists: give another name, or --force to replace it")
    if not output.parent.is_dir():
        raise UserError(f"the folder {output.parent} for the output does not exist: make it first")
    if not os.access(output.parent, os.W_OK):
        raise UserError(f"the folder {output.parent} for the output cannot be written to: choose another one")


def _classes(folder: Path) -> List[str]:
    """Sorted names of the subfolders with images."""
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder: give a folder with one subfolder of images for each class")
    try:
        subfolders = sorted(_visible(folder, Path.is_dir))
        classes = [subfolder.name for subfolder in subfolders if any(_visible(subfolder, _is_image))]
        if not classes:
            raise UserError(f"{folder} has no subfolders with images: {_layout_advice(folder, subfolders)}")
    except OSError as error:
        raise UserError(f"{error.filename} cannot be read ({error.strerror}): check its permissions") from None
    return classes


def _layout_advice(folder: Path, subfolders: List[Path]) -> str:
    if any(_visible(folder, _is_image)):
        return f"the images lie in it directly; put those of each class in a subfolder, or give {folder.parent}"
    for subfolder in subfolders:
        if any(any(_visible(below, _is_image)) for below in _visible(subfolder, Path.is_dir)):
            return f"they lie one level deeper; give {subfolder}"
    return "give a folder with one subfolder of images for each class"


def _image_files(folder: Path, classes: List[str]) -> tuple:
    """Pairs of image file and label, sorted; and the number of other files beside them."""
    files, num_other_files = [], 0
    for label, name in enumerate(classes):
        for file in sorted(_visible(folder / name, Path.is_file)):
            if _is_image(file):
                files.append((file, label))
            else:
                num_other_files += 1
    return files, num_other_files


def _visible(folder: Path, wanted):
    return (entry for entry in folder.iterdir() if not entry.name.startswith(".") and wanted(entry))


def _is_image(file: Path) -> bool:
    return file.suffix.lower() in _IMAGE_SUFFIXES and file.is_file()


def _convert(chunk: list, size: int, quality: int) -> list:
    """The JPEG of each image file, None for those that cannot be decoded."""
    return [_jpeg(file, size, quality) for file, _ in chunk]


def _jpeg(file: Path, size: int, quality: int) -> Optional[bytes]:
    try:
        with Image.open(file) as image:
            image.draft("RGB", (size, size))  # decodes a large JPEG at a half, a quarter or an eighth of its size
            upright = ImageOps.exif_transpose(image).convert("RGB")
            scale = size / min(upright.size)
            scaled = upright.resize([max(size, round(edge * scale)) for edge in upright.size], Image.BICUBIC)
            stream = io.BytesIO()
            scaled.save(stream, "JPEG", quality=quality)
            return stream.getvalue()
    except Exception:  # on a damaged file Pillow's decoders raise whatever their parsing runs into
        return None


def _print_summary(packed: Packed, output: Path) -> None:
    for file in packed.corrupt:
        print(f"left out, cannot be decoded: {file}", file=sys.stderr)
    print(f"{output}: {packed.num_images} images of {len(packed.classes)} classes; left out: {len(packed.corrupt)} "
          f"corrupt images, {packed.num_other_files} other files", file=sys.stderr)
