"""Writes RecordIO image files so that they are there complete or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Optional

from ..errors import UserError
from ..runtime import mx

_PART_SUFFIX = ".part"


class RecordWriter:
    """Writes NAME.rec, its index NAME.idx and further text files beside them; used in a ``with`` block.

    The files grow under temporary names in the folder of ``output``. They get their names when the block ends well, and
    are removed when it ends with an exception.

    Args:
        output: The .rec file to make or replace.
        texts: Further files, as a mapping of suffix to content, for example ``{".classes.txt": "cat\\ndog\\n"}``.

    Raises:
        UserError: the files cannot be written, for example because the disk is full.
    """

    def __init__(self, output: Path, texts: Optional[dict] = None):
        self._output = output
        self._texts = dict(texts or {})
        # The .rec file comes last: whoever sees it finds the others in place.
        self._suffixes = (*self._texts, ".idx", ".rec")
        self._records = None
        self._count = 0

    def __enter__(self) -> RecordWriter:
        try:
            for suffix, text in self._texts.items():
                self._part(suffix).write_text(text, encoding="utf-8")
            self._records = mx.recordio.MXIndexedRecordIO(str(self._part(".idx")), str(self._part(".rec")), "w")
        except (OSError, mx.base.MXNetError) as error:
            self._remove_parts()
            raise self._unwritable(error) from None
        return self

    def write(self, label: int, image: bytes) -> None:
        """Append an encoded image with its label."""
        header = mx.recordio.IRHeader(0, float(label), self._count, 0)
        try:
            self._records.write_idx(self._count, mx.recordio.pack(header, image))
        except (OSError, mx.base.MXNetError) as error:
            raise self._unwritable(error) from None
        self._count += 1

    def __exit__(self, kind, error, traceback) -> None:
        try:
            size = self._records.tell()
            self._records.close()
            if kind is None:
                self._publish(size)
        except (OSError, mx.base.MXNetError) as failure:
            if kind is None:
                raise self._unwritable(failure) from None
        finally:
            self._remove_parts()

    def _publish(self, size: int) -> None:
        # MXNet's writer does not notice that its last bytes did not reach the disk.
        if os.path.getsize(self._part(".rec")) != size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        for suffix in self._suffixes:
            _sync(self._part(suffix))
        for suffix in self._suffixes:
            os.replace(self._part(suffix), self._output.with_suffix(suffix))
        _sync(self._output.parent)

    def _part(self, suffix: str) -> Path:
        return self._output.with_name(f".{self._output.stem}{suffix}.{os.getpid()}{_PART_SUFFIX}")

    def _remove_parts(self) -> None:
        for suffix in self._suffixes:
            if self._part(suffix).exists():
                self._part(suffix).unlink()

    def _unwritable(self, error: Exception) -> UserError:
        # MXNet's own error names a line of C++, never the reason.
        reason = getattr(error, "strerror", None) or "not all of it reached the disk"
        return UserError(f"{self._output} cannot be written ({reason}): free some space or choose another folder")


def remove_leftovers(output: Path) -> None:
    """Remove the temporary files of writers of ``output`` that were killed; none may be at work."""
    for part in output.parent.glob(f".{output.stem}.*{_PART_SUFFIX}"):
        part.unlink()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
