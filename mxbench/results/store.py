"""Results files: JSON Lines, append-only, one record a line, safe against interruption at any byte."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import List, NamedTuple, Tuple

from ..errors import UserError
from .record import NotARecord, Record, from_line, to_line


class Problem(NamedTuple):
    """A line of a results file that is no record."""

    path: Path
    line_number: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line_number}: skipped: {self.reason}"


class NotSaved(OSError):
    """A finished record could not be appended; it was saved elsewhere or is in the message."""


def read(path) -> Tuple[List[Record], List[Problem]]:
    """All records of a results file in order, and the lines that are none.

    Raises:
        UserError: the file does not exist or cannot be read.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read the results file {path}: {error.strerror}") from None
    records, problems = [], []
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            records.append(from_line(line.decode("utf-8")))
        except UnicodeDecodeError:
            problems.append(Problem(path, number, "not text: torn or foreign"))
        except NotARecord as reason:
            problems.append(Problem(path, number, str(reason)))
    return records, problems


def exists(path) -> bool:
    """Whether there is a results file to go on with."""
    return Path(path).is_file()


def check_writable(path) -> None:
    """Make sure before a run that records can be appended to ``path``; nothing is written.

    Raises:
        UserError: the path is a folder or a device, its folder is missing or read-only, or the file is read-only.
    """
    path = Path(path)
    try:
        _check_writable(path, Path(os.path.realpath(path)))
    except OSError as error:
        raise UserError(f"--output {path} cannot be written ({error.strerror}): choose another file") from None


def _check_writable(path: Path, real: Path) -> None:
    if real.is_dir():
        raise UserError(f"--output {path} is a folder: name a file in it, such as {path / 'results.jsonl'}")
    if not real.parent.is_dir():
        raise UserError(f"--output {path}: there is no folder {real.parent if path.is_symlink() else path.parent}: "
                        "create it or choose another")
    if real.exists() and not real.is_file():
        raise UserError(f"--output {path} is a device or a pipe, which keeps nothing: choose a file")
    if not _can_write(real if real.exists() else real.parent):
        raise UserError(f"--output {path} cannot be written (read-only): choose another file")


def _can_write(path: Path) -> bool:
    """Whether the file or folder takes writes; asks the file system too, since root passes every permission check."""
    read_only = os.statvfs(path).f_flag & os.ST_RDONLY
    return not read_only and os.access(path, os.W_OK)


def append(path, record: Record) -> None:
    """Append one record and force it to the disk.

    The line is written whole or not at all: a torn last line of an earlier crash is closed first, and what a full
    disk let through is taken back. Concurrent writers take turns by a lock on the file.

    Raises:
        NotSaved: the file could not be written; the message names the file in the temporary folder that now holds the
            record, or holds the record itself.
    """
    line = (to_line(record) + "\n").encode("utf-8")
    try:
        with _locked(path) as file:
            end = file.seek(0, os.SEEK_END)
            try:
                if end and not _ends_with_newline(file):
                    _write(file, b"\n")
                _write(file, line)
                os.fsync(file.fileno())
                if not end:
                    _sync_folder(path)
            except OSError:
                with suppress(OSError):
                    file.truncate(end)
                raise
    except OSError as error:
        raise NotSaved(f"cannot write to {path} ({error.strerror}): {_rescue(line)}") from error


@contextmanager
def _locked(path):
    with open(path, "a+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _ends_with_newline(file) -> bool:
    return os.pread(file.fileno(), 1, os.fstat(file.fileno()).st_size - 1) == b"\n"


def _write(file, data: bytes) -> None:
    while data:
        data = data[file.write(data):]


def _sync_folder(path) -> None:
    """Force the name of a new file to the disk."""
    descriptor = os.open(Path(os.path.realpath(path)).parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rescue(line: bytes) -> str:
    """Keep a record that its own file has no room for."""
    name = f"mxbench-rescued-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}.jsonl"
    try:
        path = Path(tempfile.gettempdir()) / name
        with open(path, "ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        return f"the finished measurement is in {path}; append it to the results file when there is room"
    except OSError:
        return f"append this finished measurement to the results file when there is room: {line.decode('utf-8')}"
