"""One benchmark at a time on a device: a lock that every mxbench on the machine takes."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Callable, Sequence

import filelock

from ..errors import UserError

_POLL_SECONDS = 1.0


@contextmanager
def exclusive(devices: Sequence[str], wait: bool = True, tell: Callable[[str], None] = lambda line: None, folder=None):
    """Keep others from measuring on the devices ("cpu(0)", "gpu 0000:01:00.0") while the body runs.

    A run on the CPU is alone on the machine; runs on different GPUs can go on at the same time. The kernel frees the lock
    of a process that dies, so none is ever stale. When another process holds one, ``tell`` is called once with a line
    that says so, then this one waits.

    Raises:
        UserError: another process holds a lock and ``wait`` is False.
    """
    folder = _shared_folder(folder)
    gpus = sorted(re.sub(r"\W+", "-", device).strip("-") for device in devices if device.startswith("gpu"))
    with ExitStack() as held:
        # The lock of the CPU is the gate: a run on GPUs passes through, a run on the CPU stays in it and waits for those
        # that have passed.
        with ExitStack() as gate:
            (gate if gpus else held).enter_context(_one(folder, "cpu", wait, tell))
            for name in gpus or sorted(path.stem for path in folder.glob("gpu*.lock")):
                held.enter_context(_one(folder, name, wait, tell))
        yield


@contextmanager
def _one(folder: Path, name: str, wait: bool, tell: Callable[[str], None]):
    lock = filelock.FileLock(str(folder / f"{name}.lock"), mode=0o666)
    holder = folder / f"{name}.holder"
    if not _takes(lock, timeout=0):
        who = f"{_holder(holder)} is measuring on {name}"
        if not wait:
            raise UserError(f"{who}: wait for it to end, or run without --no-wait")
        tell(f"{who}; waiting for it to end (Ctrl-C gives up, --no-wait does not wait)")
        _takes(lock, poll_interval=_POLL_SECONDS)
    try:
        _write_holder(holder)
        yield
    finally:
        lock.release()


def _takes(lock: filelock.FileLock, **how) -> bool:
    """Acquire the lock; False when another process holds it until the timeout."""
    try:
        lock.acquire(**how)
    except filelock.Timeout:
        return False
    except (OSError, NotImplementedError) as error:  # the second: a file system without locks, in older versions
        raise UserError(f"cannot lock {lock.lock_file} ({getattr(error, 'strerror', None) or error}): set TMPDIR to "
                        "another folder") from None
    return True


def _shared_folder(folder) -> Path:
    """A folder that every user of the machine can lock in."""
    folder = Path(folder or Path(tempfile.gettempdir()) / "mxbench-locks")
    try:
        folder.mkdir(exist_ok=True)
        if os.stat(folder).st_uid == os.getuid():
            folder.chmod(0o777)
    except OSError as error:
        reason = f"cannot make the folder {folder} for locks ({error.strerror})"
        raise UserError(f"{reason}: set TMPDIR to another") from None
    return folder


def _write_holder(path: Path) -> None:
    try:
        path.write_text(f"process {os.getpid()} ({' '.join(sys.argv)[:120]}), since {time.strftime('%H:%M')}")
        path.chmod(0o666)
    except OSError:
        pass  # it only makes the message of a waiting process more telling


def _holder(path: Path) -> str:
    try:
        return f"another mxbench, {path.read_text()},"
    except OSError:
        return "another mxbench"
