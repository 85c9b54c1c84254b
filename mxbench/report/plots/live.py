"""Memory that is alive over the schedule of a training step, as it was predicted."""

from __future__ import annotations

from ...predict.allocator import MIB
from ...predict.breakdown import Breakdown
from . import canvas


def draw(breakdown: Breakdown, subtitle: str):
    """The figure, with the layer at the peak."""
    figure, axes = canvas.canvas(4, "Live memory over a training step, predicted", subtitle)
    axes.fill_between(range(len(breakdown.live)), [size / MIB for size in breakdown.live], step="post",
                      color=canvas.COLOURS[5], edgecolor=canvas.COLOURS[2])
    axes.axvline(breakdown.peak_step, linestyle=":", color="black")
    axes.set(xlabel="step of the schedule (forward, then backward)", ylabel="alive, MiB",
             xlim=(0, len(breakdown.live) - 1), ylim=(0, 1.12 * breakdown.peak_bytes / MIB))
    beyond_middle = breakdown.peak_step > len(breakdown.live) / 2
    axes.annotate(f"peak: {breakdown.peak_layer}", (breakdown.peak_step, 1.12 * breakdown.peak_bytes / MIB), fontsize=8,
                  xytext=(-5 if beyond_middle else 5, -2), textcoords="offset points", va="top",
                  ha="right" if beyond_middle else "left")
    return figure
