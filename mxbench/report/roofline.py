"""How near cells come to what their devices can do: the arithmetic that they get done, and its share of the peak."""

from __future__ import annotations

from statistics import median
from typing import List, Optional, Sequence

from ..results.roofline import flops_per_image, gflops, share_of_peak
from ..results.summary import Summary

UNKNOWN = "unknown"
COUNTED = ("counted: multiplications and additions of convolutions and fully connected layers (forward, backward, and what is "
           "computed again) and of the update")


def achieved_gflops(summary: Summary) -> Optional[float]:
    """Achieved arithmetic in 10^9 FLOPs per second, the median over the processes; None if no record tells."""
    return _median(map(gflops, summary.records))


def achieved_share(summary: Summary) -> Optional[float]:
    """Achieved arithmetic as a part of the measured peak, the median over the processes; None if no record tells."""
    return _median(map(share_of_peak, summary.records))


def peak_gflops(summary: Summary) -> Optional[float]:
    """What the cell's devices reached at best, the median over the processes."""
    return _median(record.peak.gflops if record.peak else None for record in summary.records)


def gflop_per_image(summary: Summary) -> Optional[float]:
    """10^9 FLOPs of one image in a training step."""
    return _median(cost and cost / 1e9 for cost in map(flops_per_image, summary.records))


def roofline_text(summary: Summary) -> str:
    """The arithmetic of a finished cell and its share of the peak, such as ``135 (82%)``."""
    achieved, share = achieved_gflops(summary), achieved_share(summary)
    if achieved is None:
        return UNKNOWN
    return f"{achieved:.0f}" if share is None else f"{achieved:.0f} ({share:.0%})"


def cost_text(summaries: Sequence[Optional[Summary]]) -> str:
    """What an image costs one network, in 10^9 FLOPs; from the largest batch size, where the update weighs least."""
    costs = [gflop_per_image(summary) for summary in summaries if summary]
    known = [cost for cost in costs if cost is not None]
    return f"{min(known):.2f}" if known else UNKNOWN


def conditions(summaries: Sequence[Summary]) -> List[str]:
    """Lines for the heading of the table: what is counted, and what it is held against."""
    return [COUNTED, f"peak: {peak_text(summaries)}"]


def peak_text(summaries: Sequence[Summary]) -> str:
    """The peak of some cells with how it was measured; an interval where it was measured more than once."""
    peaks = [record.peak for summary in summaries for record in summary.records if record.peak]
    if not peaks:
        return "not measured"
    low, high = (f"{end(peak.gflops for peak in peaks):.0f}" for end in (min, max))
    best = max(peaks, key=lambda peak: peak.gflops)
    return (f"{low if low == high else f'{low} - {high}'} GFLOP/s, the fastest {best.dtype} product of {best.size} x {best.size} "
            f"matrices under the same settings")


def _median(found) -> Optional[float]:
    known = [value for value in found if value is not None]
    return median(known) if known else None
