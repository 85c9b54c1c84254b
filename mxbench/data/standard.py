"""The standard set: 8000 synthetic photographs in a RecordIO file, made once and kept in the user's cache folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Optional, Union

import filelock
import platformdirs

from ..errors import UserError
from . import photographs, recordfile
from .progress import progress_bar
from .recordwriter import RecordWriter, remove_leftovers
from .workers import map_in_order

NUM_IMAGES = 8000
# To be raised whenever the images change, so that nobody measures with another version's images without knowing.
_VERSION = 1
_SEED = 2017
_PREFIX = f"photographs-v{_VERSION}-seed{_SEED}-"
_CHUNK = 20  # images made by a worker at a time
_BYTES_PER_IMAGE = 64 * 1024  # more than an image takes on average, to see early whether the disk has room


def cache_folder(cache: Union[str, Path, None] = None) -> Path:
    """``cache`` if given, else the folder that the variable MXBENCH_CACHE names, else the user's cache folder."""
    folder = cache or os.environ.get("MXBENCH_CACHE") or platformdirs.user_cache_dir("mxbench")
    return Path(folder).expanduser().resolve()


def make(cache: Union[str, Path, None] = None, num_images: int = NUM_IMAGES, progress: bool = True,
         processes: Optional[int] = None) -> Path:
    """The .rec file of the standard set; made now, on ``processes`` processes (all cores), if the cache has none.

    The bytes of the file depend on ``num_images`` alone. Several processes may call this at once: one makes the
    file, the others wait for it.

    Raises:
        UserError: the cache folder cannot be written to, or its disk has too little room.
    """
    folder = cache_folder(cache)
    output = folder / f"{_PREFIX}{num_images}.rec"
    if _is_complete(output, num_images):
        return output
    _check_folder(folder, num_images)
    with _alone(output, progress):
        if not _is_complete(output, num_images):
            remove_leftovers(output)
            _write(output, num_images, progress, processes)
    return output


def is_standard(path: Union[str, Path]) -> bool:
    """Whether a file is the standard set, or a shorter one of its kind, by its name."""
    return Path(path).name.startswith(_PREFIX)


def _is_complete(output: Path, num_images: int) -> bool:
    try:
        return output.exists() and len(recordfile.read_index(output)) == num_images
    except UserError:
        return False


def _check_folder(folder: Path, num_images: int) -> None:
    advice = "name another cache folder with the variable MXBENCH_CACHE"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(f"the cache folder {folder} cannot be written to ({error.strerror}): {advice}") from None
    needed, free = num_images * _BYTES_PER_IMAGE, shutil.disk_usage(folder).free
    if free < needed:
        raise UserError(f"the images need {needed / 2**20:.0f} MiB in the cache folder {folder}, where "
                        f"{free / 2**20:.0f} MiB are free: make room, or {advice}")


@contextlib.contextmanager
def _alone(output: Path, progress: bool):
    lock = filelock.FileLock(str(output.with_suffix(".lock")))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        if progress:
            print(f"Waiting for another process that is making {output}", file=sys.stderr, flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _write(output: Path, num_images: int, progress: bool, processes: Optional[int]) -> None:
    chunks = [range(first, min(first + _CHUNK, num_images)) for first in range(0, num_images, _CHUNK)]
    with RecordWriter(output) as records, \
            progress_bar(num_images, "Making the standard images (once)", progress) as advance, \
            contextlib.closing(map_in_order(_photographs, chunks, processes)) as made:
        for images in made:
            for label, image in images:
                records.write(label, image)
            advance(len(images))


def _photographs(indices: range) -> list:
    return [(photographs.label_of(_SEED, index), photographs.photograph(_SEED, index)) for index in indices]
