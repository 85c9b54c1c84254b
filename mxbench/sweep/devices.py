"""Which devices a sweep runs on, and whether they work."""

from __future__ import annotations

from typing import Callable, List, NamedTuple, Tuple

from ..cuda import Gpu
from ..doctor import require
from ..errors import UserError


class Devices(NamedTuple):
    """Device names such as "gpu(0)", and what CUDA says of those that are GPUs."""

    names: Tuple[str, ...]
    gpus: Tuple[Gpu, ...] = ()


def devices(gpus: str, tell: Callable[[str], None] = lambda line: None) -> Devices:
    """The devices for the value of ``--gpus``: "0,1" is ("gpu(0)", "gpu(1)"), nothing is the CPU.

    ``tell`` is given a line for each thing that a measurement can do without.

    Raises:
        UserError: the value is no list of GPU numbers, or something keeps MXNet from using them.
    """
    wanted = _numbers(gpus)
    found, warnings = require(wanted)
    for warning in warnings:
        tell(f"warning: {warning.sentence}")
    return Devices(tuple(f"gpu({number})" for number in wanted) or ("cpu(0)",), found)


def _numbers(gpus: str) -> List[int]:
    try:
        numbers = [int(number) for number in gpus.split(",") if number.strip()]
    except ValueError:
        numbers = [-1]
    if any(number < 0 for number in numbers) or len(set(numbers)) < len(numbers):
        raise UserError(f"--gpus {gpus}: give different GPU numbers separated by commas, such as 0 or 0,1; nothing for the "
                        "CPU")
    return numbers
