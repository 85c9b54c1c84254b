"""``mxbench doctor``: what on this machine keeps MXNet from working, in one sentence each, with what to do."""

from __future__ import annotations

from typing import List, Sequence

from ..errors import UserError
from . import gpus, software, system
from .facts import gather
from .finding import FAILURE, OK, WARNING, Finding

__all__ = ["FAILURE", "OK", "WARNING", "Finding", "examine", "require"]


def examine() -> List[Finding]:
    """Every check, in the order in which the causes build on each other; works without MXNet as well."""
    facts = gather()
    return [
        *software.installed(), *software.system_libraries(facts.is_gpu_build), *gpus.driver(facts),
        *gpus.libraries(facts), software.imported(facts), *gpus.devices(facts), *gpus.management(facts),
        *system.findings(),
    ]


def require(gpus_wanted: Sequence[int]) -> tuple:
    """Check what a measurement needs; returns the wanted GPUs as CUDA describes them, and the warnings about them.

    Raises:
        UserError: something would keep the measurement from working; the sentence is that of ``mxbench doctor``.
    """
    _stop_at_failure(software.installed())
    if not gpus_wanted:
        return (), []
    facts = gather()
    option = "--gpus " + ",".join(map(str, gpus_wanted))
    found = [*gpus.build(facts), *gpus.driver(facts), *gpus.libraries(facts), software.imported(facts)]
    _stop_at_failure(found, option)
    _stop_at_failure([finding for number in gpus_wanted for finding in gpus.wanted(facts, number)], option)
    there = tuple(facts.gpus[number] for number in gpus_wanted)
    return there, [one for one in [*found, *gpus.management(facts)] if one.level == WARNING]


def _stop_at_failure(findings: Sequence[Finding], option: str = "") -> None:
    for finding in findings:
        if finding.level == FAILURE:
            raise UserError(f"{option}: {finding.sentence}" if option else finding.sentence)
