"""Where the time of a sweep went."""

from __future__ import annotations

from typing import Dict, Sequence

from .record import OK, Record

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


def parts_text(parts: Dict[str, float]) -> str:
    """The parts in words, each with its share; failed cells only if there are any."""
    total = sum(parts.values()) or 1.0
    return ", ".join(f"{name} {duration_text(part)} ({part / total:.0%})" for name, part in parts.items()
                     if part or name != FAILED)


def duration_text(seconds: float) -> str:
    """A duration in words: ``45 s``, ``12 min``, ``1 h 5 min``."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
