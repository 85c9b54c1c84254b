"""The A/A test: one cell measured in pairs of processes, which the method must call the same."""

from __future__ import annotations

from typing import Callable, Dict

from ..errors import UserError
from ..results.comparison import FASTER, SLOWER, compare
from ..results.record import OK
from ..results.summary import Summary
from .session import EXIT_FAILED, EXIT_OK, measure


def measure_pairs(options: Dict, pairs: int, output, tell: Callable[[str], None]) -> int:
    """Measure one cell ``2 * pairs`` times and compare neighbours; returns the exit code.

    Raises:
        UserError: the options name more than one cell, or as :func:`mxbench.sweep.session.measure`.
    """
    if len(options["networks"] or ()) != 1 or len(options["batch_sizes"] or ()) != 1:
        raise UserError("aa measures one cell: give one network and one batch size, such as --network squeezenet --batch-size 10")
    fixed = {"parallel_cells": False, "repeats": 2 * pairs, "shuffle": None, "again": False, "output": str(output)}
    session = measure({**options, **fixed})
    finished = [Summary(record.cell, (record,)) for record in session.records if record.status == OK]
    if session.exit_code or len(finished) < 2 * pairs:
        for record in session.records:
            if record.status != OK:
                tell(f"{record.cell.network} batch {record.cell.batch_size}: {record.status}: {record.message}")
        return session.exit_code or EXIT_FAILED
    compared = [compare(first, second) for first, second in zip(finished[::2], finished[1::2])]
    for number, (first, second, found) in enumerate(zip(finished[::2], finished[1::2], compared), start=1):
        tell(f"pair {number}: {first.images_per_second:.2f} and {second.images_per_second:.2f} images/sec, "
             f"ratio {found.ratio:.3f} ({found.interval[0]:.3f} to {found.interval[1]:.3f}): {found.verdict}")
    tell(f"largest difference: {max(abs(found.ratio - 1) for found in compared):.1%}")
    return EXIT_FAILED if any(found.verdict in (FASTER, SLOWER) for found in compared) else EXIT_OK
