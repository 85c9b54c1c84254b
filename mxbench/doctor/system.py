"""Checks of threads, the data cache and the disk."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import List

from .. import runtime
from ..data.standard import NUM_IMAGES, cache_folder, is_standard
from ..results.machine import physical_cores
from .finding import OK, WARNING, Finding

_WANTED_FREE_MIB = 1024  # the images take half of that


def findings() -> List[Finding]:
    """What a run would meet on this system."""
    folder = cache_folder()
    return [_threads(), _cache(folder), _disk("disk of the cache", folder), _disk("disk of this folder", Path.cwd())]


def _threads() -> Finding:
    cores = physical_cores()
    chosen = {name: os.environ[name] for name in runtime.tuned_environment() if name in os.environ}
    told = ", ".join(f"{name}={value}" for name, value in chosen.items())
    threads = chosen.get("OMP_NUM_THREADS", str(cores))
    if threads != str(cores):
        return Finding(WARNING, "threads", f"{told} in the environment wins over the {cores} physical cores that "
                       "mxbench would use", "unset OMP_NUM_THREADS unless you mean it")
    chosen_by = f" ({told} in the environment)" if told else ""
    return Finding(OK, "threads", f"{cores}, one for each physical core{chosen_by}")


def _cache(folder: Path) -> Finding:
    files = sorted(path for path in folder.glob("*.rec") if is_standard(path)) if folder.is_dir() else []
    if files:
        return Finding(OK, "data cache", str(files[-1]))
    return Finding(OK, "data cache", f"{folder} holds no images yet; the first run makes {NUM_IMAGES}")


def _disk(subject: str, folder: Path) -> Finding:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free_mib = shutil.disk_usage(there).free / 2**20
    if free_mib < _WANTED_FREE_MIB:
        return Finding(WARNING, subject, f"only {free_mib:.0f} MiB are free in {there}",
                       f"make {_WANTED_FREE_MIB} MiB free, so that images and results fit")
    return Finding(OK, subject, f"{free_mib / 1024:.0f} GiB free")
