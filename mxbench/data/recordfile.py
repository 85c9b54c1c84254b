"""RecordIO image files (.rec): looked through from header to header, without decoding.

A record is the magic number, a word that holds a flag (3 bits) and a length (29 bits), and the content, padded to four
bytes. The flag is 0 for a whole record; a record whose content holds the magic number itself is split there, and its
parts have the flags 1, 2, ..., 2, 3. The content is an image header (number of labels, label, two numbers that identify
the image), further labels if any, and the encoded image. Source: dmlc-core's recordio.h and MXNet's image_recordio.h.
"""

from __future__ import annotations

import io
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Optional

import numpy as np
from PIL import Image

from ..errors import UserError

_MAGIC = struct.pack("<I", 0xCED7230A)
_IMAGE_HEADER = struct.Struct("<IfQQ")
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)
# What MXNet's image decoder (OpenCV) and Pillow both read.
_IMAGE_FORMATS = ("JPEG", "PNG", "BMP")
# MXNet splits what it is given as a path at these.
_SPECIAL_CHARACTERS = ";#?"


@dataclass(frozen=True)
class RecordIndex:
    """Where the images of a .rec file are, and their labels: byte offsets (int64) and labels (float32), one for each
    image, and the byte at which the last one ends."""

    path: Path
    offsets: np.ndarray
    labels: np.ndarray
    end: int

    def __len__(self) -> int:
        return len(self.offsets)

    def part(self, number: int, of: int) -> RecordIndex:
        """Part ``number`` (from 0) of ``of`` parts, one after the other in the file, that hold each image once."""
        first, last = (len(self) * one // of for one in (number, number + 1))
        end = int(self.offsets[last]) if last < len(self) else self.end
        return RecordIndex(self.path, self.offsets[first:last], self.labels[first:last], end)


def read_index(path, limit: Optional[int] = None) -> RecordIndex:
    """Go through the file from header to header, reading a few bytes of each of its images (the first ``limit`` ones).

    Raises:
        UserError: the file cannot be read, is empty, is no RecordIO file, is truncated or damaged, or has a record that
            is no image with one label.
    """
    path = Path(path)
    offsets, labels, end = [], [], 0
    with _opened(path) as file:
        while len(offsets) != limit:
            parts = list(_parts(file, path, end, len(offsets)))
            if not parts:
                break
            offsets.append(end)
            labels.append(_label(file, path, parts, len(offsets)))
            end = _padded_end(*parts[-1])
    return RecordIndex(path, np.array(offsets, np.int64), np.array(labels, np.float32), end)


def check(path) -> int:
    """Number of images in the .rec file.

    Raises:
        UserError: as :func:`read_index`, or its first image cannot be decoded, or MXNet cannot open a path like this.
    """
    path = Path(path)
    found = sorted(set(str(path)) & set(_SPECIAL_CHARACTERS))
    if found:
        raise UserError(f"MXNet cannot open {path}, because the path contains {' '.join(found)}: rename or move it")
    index = read_index(path)
    image = first_image(path)
    try:
        Image.open(io.BytesIO(image), formats=_IMAGE_FORMATS).load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise UserError(f"the first image in {path} cannot be decoded: it must be one of {', '.join(_IMAGE_FORMATS)}; "
                        "pack the images again with 'mxbench data pack'") from None
    return len(index)


def check_batch_size(path, num_examples: int, batch_size: int) -> None:
    """Raise UserError if a pass over ``num_examples`` images does not fill one batch."""
    if num_examples < batch_size:
        raise UserError(f"{path} gives {num_examples} images a pass, fewer than one batch of {batch_size}: choose a "
                        "smaller batch size or more images")


def check_labels(index: RecordIndex, num_classes: int) -> None:
    """Raise UserError unless every label is a class of a network with ``num_classes`` outputs."""
    allowed = (index.labels >= 0) & (index.labels < num_classes) & (index.labels == np.floor(index.labels))
    if not allowed.all():
        first = int(np.argmin(allowed))
        raise UserError(f"image {first + 1} in {index.path} has the label {index.labels[first]:g}, but a network with "
                        f"{num_classes} classes takes whole numbers from 0 to {num_classes - 1}: change the number of "
                        "classes or pack the images again")


def first_image(path) -> bytes:
    """The first image of the file, encoded as it is stored."""
    path = Path(path)
    with _opened(path) as file:
        parts = [os.pread(file.fileno(), length, start) for _, start, length in _parts(file, path, 0, 0)]
    content = _MAGIC.join(parts)
    num_labels = _IMAGE_HEADER.unpack_from(content)[0]
    return content[_IMAGE_HEADER.size + 4 * num_labels:]


def _opened(path: Path):
    if path.is_dir():
        raise UserError(f"{path} is a folder, a .rec file is needed: make one of it with 'mxbench data pack {path} "
                        "OUTPUT.rec'")
    try:
        file = open(path, "rb", buffering=0)
    except FileNotFoundError:
        raise UserError(f"there is no file {path}: give a RecordIO file of images (.rec)") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): give a RecordIO file of images (.rec)") from None
    if os.fstat(file.fileno()).st_size == 0:
        file.close()
        raise UserError(f"{path} is empty: give a RecordIO file of images (.rec)")
    return file


def _parts(file, path: Path, position: int, num_before: int) -> Iterator[tuple]:
    """Flag, start of the content and its length, for each part of the record at ``position``; none at the end."""
    size = os.fstat(file.fileno()).st_size
    flag = None
    while flag not in (_WHOLE, _LAST):
        head = os.pread(file.fileno(), 8, position)
        if not head and flag is None:
            return
        if head[:4] != _MAGIC[:len(head)]:
            raise _foreign(path, position, num_before)
        if len(head) < 8:
            raise _truncated(path, num_before)
        word = struct.unpack("<I", head[4:])[0]
        last_flag, flag, length = flag, word >> 29, word & (1 << 29) - 1
        if flag not in ((_WHOLE, _FIRST) if last_flag is None else (_MIDDLE, _LAST)):
            raise _foreign(path, position, num_before)
        part = (flag, position + 8, length)
        position = _padded_end(*part)
        if position > size:
            raise _truncated(path, num_before)
        yield part


def _padded_end(flag: int, start: int, length: int) -> int:
    return start + (length + 3) // 4 * 4


def _label(file, path: Path, parts: list, number: int) -> float:
    """The label of the image whose record has these parts; ``number`` counts from one."""
    length = sum(length for _, _, length in parts)
    head = os.pread(file.fileno(), _IMAGE_HEADER.size + 4, parts[0][1])
    num_labels, label = struct.unpack_from("<If", head) if length > _IMAGE_HEADER.size else (0, 0.0)
    if num_labels > 1:
        raise UserError(f"image {number} in {path} has {num_labels} labels, one is allowed: pack the images with "
                        "'mxbench data pack'")
    if length <= _IMAGE_HEADER.size + 4 * num_labels:
        raise UserError(f"record {number} in {path} holds no image: pack the images with 'mxbench data pack'")
    return struct.unpack_from("<f", head, _IMAGE_HEADER.size)[0] if num_labels else label


def _foreign(path: Path, position: int, num_before: int) -> UserError:
    if position == 0:
        return UserError(f"{path} is not a RecordIO file (it does not begin with 0xced7230a): make one with 'mxbench "
                         "data pack FOLDER OUTPUT.rec'")
    return UserError(f"{path} is damaged at byte {position}, after {num_before} images: copy or pack it again")


def _truncated(path: Path, num_before: int) -> UserError:
    return UserError(f"{path} is truncated: it ends in the middle of record {num_before + 1}: copy or pack it again")
