"""All figures of a cell under the names by which programs read them, in CSV as in JSON."""

from __future__ import annotations

from typing import Any, Dict, Iterator

from ...results.summary import Summary
from ..roofline import achieved_gflops, achieved_share, gflop_per_image, peak_gflops
from ..tables import Table, remarks


def cells(table: Table) -> Iterator[Dict[str, Any]]:
    """The cells that there is a record of, row by row."""
    for row in table.rows:
        for cell in filter(None, row.cells):
            yield figures(cell)


def figures(summary: Summary) -> Dict[str, Any]:
    """The figures of one cell: speeds in images/sec, memory in MiB, accuracy in percent; None where there is none."""
    low, high = summary.interval or (None, None)
    predicted = summary.predicted
    return {
        "network": summary.cell.network,
        "display_name": summary.display_name,
        "batch_size": summary.cell.batch_size,
        "image_shape": "x".join(map(str, summary.cell.image_shape)),
        "status": summary.status,
        "message": summary.message,
        "inferred": summary.inferred,
        "images_per_second": summary.images_per_second,
        "images_per_second_low": low,
        "images_per_second_high": high,
        "half_width": summary.half_width,
        "memory_mib": summary.memory_mib,
        "gflop_per_image": gflop_per_image(summary),
        "gflops": achieved_gflops(summary),
        "peak_gflops": peak_gflops(summary),
        "share_of_peak": achieved_share(summary),
        "predicted_low_mib": predicted.low_mib if predicted else None,
        "predicted_high_mib": predicted.high_mib if predicted else None,
        "reference_top5": summary.reference_top5,
        "processes": len(summary.records),
        "remarks": remarks(summary),
    }
