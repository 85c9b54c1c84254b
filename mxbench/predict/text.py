"""Predictions as text."""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

from .allocator import MIB
from .breakdown import Breakdown
from .memory import FITS, MARGINAL, Prediction

# Layers that hold less are summed up.
_SHOWN_BYTES = 0.1 * MIB


def interval_text(interval: Tuple[float, float]) -> str:
    """``612`` or ``300 - 800``, in whole MiB."""
    low, high = (f"{value:,.0f}" for value in interval)
    return low if low == high else f"{low} - {high}"


def parts_text(prediction: Prediction) -> str:
    """A line for each part and one for the total, figures aligned."""
    rows = [(name, interval_text(interval)) for name, interval in prediction.parts.items() if interval[1] >= 0.05]
    rows.append(("total", interval_text((prediction.low_mib, prediction.high_mib))))
    return _aligned(rows)


def cell_text(prediction: Prediction, memory_mib: Optional[float]) -> str:
    """What stands in a table: the total, or that it does not fit."""
    total = interval_text((prediction.low_mib, prediction.high_mib)).replace(",", "")
    found = FITS if memory_mib is None else prediction.verdict(memory_mib)
    return {FITS: total, MARGINAL: f"{total} ({MARGINAL})"}.get(found, found)


def layers_text(breakdown: Breakdown, count: int = 10) -> str:
    """The peak: when it is, the largest tensors alive, and the sums by layer."""
    largest = [(f"{tensor.layer} ({tensor.what})", f"{tensor.size / MIB:,.1f}")
               for tensor in breakdown.tensors[:count]]
    layers = [(layer, f"{size / MIB:,.1f}") for layer, size in breakdown.layers.items() if size >= _SHOWN_BYTES]
    rest = sum(size for size in breakdown.layers.values() if size < _SHOWN_BYTES)
    layers.append((f"{len(breakdown.layers) - len(layers)} smaller layers", f"{rest / MIB:,.1f}"))
    head = (f"peak: {breakdown.peak_bytes / MIB:,.0f} MiB alive in {len(breakdown.tensors)} tensors, at "
            f"{breakdown.peak_layer} (step {breakdown.peak_step + 1} of {len(breakdown.live)})")
    return "\n".join([head, "", f"the {len(largest)} largest tensors at the peak, MiB:", _aligned(largest), "",
                      "alive at the peak by layer, MiB:", _aligned(layers)])


def _aligned(rows: Sequence[Tuple[str, str]]) -> str:
    names = max((len(name) for name, _ in rows), default=0)
    figures = max((len(figure) for _, figure in rows), default=0)
    lines: List[str] = [f"  {name.ljust(names)}  {figure.rjust(figures)}" for name, figure in rows]
    return "\n".join(lines)
