"""Where the time of a sweep went."""

from __future__ import annotations

from typing import Dict, Sequence

from ..results.record import OK, Record

_PARTS = {"set_up": "set-up", "warm_up": "warm-up", "measured": "measured"}
FAILED, OTHER = "failed cells", "idle or other"


def accounts(records: Sequence[Record], seconds: float) -> Dict[str, float]:
    """Seconds of each part of a sweep that made these records in ``seconds``, those of all its processes together.

    ``idle or other`` is what the processes do not account for: starting and ending them, the peak, cells that died, waiting.
    """
    parts = {text: 0.0 for text in (*_PARTS.values(), FAILED)}
    for record in records:
        if record.status == OK:
            for name, text in _PARTS.items():
                parts[text] += record.seconds.get(name, 0.0)
        else:
            parts[FAILED] += record.seconds.get("total", 0.0)
    return {**parts, OTHER: max(0.0, seconds - sum(parts.values()))}
