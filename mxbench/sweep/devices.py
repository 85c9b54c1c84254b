"""Which devices a sweep runs on, and whether they are there."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import List, Tuple

from ..errors import UserError

# In a process of its own: once a process has made a CUDA context, it holds device memory until it ends.
_PROBE = """
import json
from mxbench.runtime import mx
print(json.dumps({"cuda": mx.runtime.Features().is_enabled("CUDA"), "gpus": mx.context.num_gpus()}))
"""


def devices(gpus: str) -> Tuple[str, ...]:
    """Device names for the value of ``--gpus``: "0,1" is ("gpu(0)", "gpu(1)"), nothing is the CPU.

    Raises:
        UserError: the value is no list of GPU numbers, or MXNet does not find them.
    """
    wanted = _numbers(gpus)
    if not wanted:
        return ("cpu(0)",)
    found = _probe()
    if not found["cuda"]:
        raise UserError(f"--gpus {gpus}: the MXNet that is installed is the CPU build: run pip uninstall -y mxnet, then "
                        "pip install 'mxbench[cu112]', or leave --gpus out")
    missing = [number for number in wanted if number >= found["gpus"]]
    if missing:
        there = f"MXNet finds {found['gpus']} GPUs" + (f", numbered from 0 to {found['gpus'] - 1}" if found["gpus"] else "")
        raise UserError(f"--gpus {gpus}: there is no GPU {missing[0]}: {there}")
    return tuple(f"gpu({number})" for number in wanted)


def _numbers(gpus: str) -> List[int]:
    try:
        numbers = [int(number) for number in gpus.split(",") if number.strip()]
    except ValueError:
        numbers = [-1]
    if any(number < 0 for number in numbers) or len(set(numbers)) < len(numbers):
        raise UserError(f"--gpus {gpus}: give different GPU numbers separated by commas, such as 0 or 0,1; nothing for the CPU")
    return numbers


def _probe() -> dict:
    """What MXNet finds on this machine."""
    done = subprocess.run(
        [sys.executable, "-c", _PROBE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, check=False,
    )
    try:
        return json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise UserError(f"MXNet cannot be asked for its GPUs: {reason.replace('mxbench.errors.UserError: ', '')}") from None
