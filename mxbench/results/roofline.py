"""How much arithmetic a measurement did per second, and what part that is of what its devices can do."""

from __future__ import annotations

from typing import Optional

from .record import OK, Record


def flops_per_image(record: Record) -> Optional[float]:
    """FLOPs of one image in a training step: forward, backward, what is computed again, and its part of the update.

    None for a record that does not say: an older one, or one of a network that could not be counted.
    """
    work = record.arithmetic
    if work is None:
        return None
    update = (work.update_flops or 0) / record.cell.batch_size
    return work.forward_flops + work.backward_flops + work.recomputed_flops + update


def gflops(record: Record) -> Optional[float]:
    """Achieved arithmetic in 10^9 FLOPs per second; None without a speed or a count."""
    cost = flops_per_image(record)
    return cost * record.speed.images_per_second / 1e9 if record.status == OK and cost is not None else None


def share_of_peak(record: Record) -> Optional[float]:
    """Achieved arithmetic as a part of the measured peak; None where either is unknown."""
    achieved = gflops(record)
    known = achieved is not None and record.peak is not None and record.peak.gflops > 0
    return achieved / record.peak.gflops if known else None
