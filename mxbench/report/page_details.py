"""What a page shows of one cell when asked: windows, interval, memory, conditions and warnings, as plain text."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from ..results.record import OK, STATUS_TEXT, Record
from ..results.summary import Summary
from .tables import predicted_text

Lines = List[Tuple[str, str]]

_STOPS = {"precise": "precise enough", "not_improving": "no longer improving", "time_limit": "time limit"}


def details(cell: Summary) -> Dict[str, Any]:
    """A cell for the page's script: a title, lines of a name and a text, warnings, and the windows of each process.

    A window is a pair of its speed in images/sec and 1 if it counts, 0 if it is warm-up.
    """
    lines = _speed(cell) + _memory(cell) + _conditions(cell.records[-1])
    return {
        "title": f"{cell.display_name}, batch size {cell.cell.batch_size}",
        "lines": [line for line in lines if line[1]],
        "warnings": cell.warnings,
        "windows": [_windows(record) for record in cell.records if record.speed and record.speed.windows],
    }


def _speed(cell: Summary) -> Lines:
    if cell.status != OK:
        return [("result", STATUS_TEXT[cell.status]), ("why", cell.message)]
    finished = [record.speed for record in cell.records if record.status == OK]
    low, high = cell.interval or (None, None)
    known = f"{low:.2f} to {high:.2f} images/sec (±{cell.half_width:.1%})" if cell.interval else "too few windows"
    counts = " + ".join(str(len(speed.windows)) for speed in finished if speed.windows)
    processes = ", ".join(f"{speed.images_per_second:.2f}" for speed in finished) if len(finished) > 1 else ""
    stops = dict.fromkeys(_STOPS.get(speed.stop, speed.stop) for speed in finished)
    return [("speed", f"{cell.images_per_second:.2f} images/sec"), ("95 % interval", known), ("processes", processes),
            ("windows", counts), ("measuring ended", ", ".join(filter(None, stops)))]


def _memory(cell: Summary) -> Lines:
    lines = [] if cell.memory_mib is None else [("memory", f"{cell.memory_mib:.0f} MiB")]
    if cell.predicted:
        lines.append(("predicted", f"{predicted_text(cell.predicted)} MiB"))
    memory = cell.records[-1].memory
    if memory and memory.peak_mib is not None and memory.baseline_mib is not None:
        lines.append(("peak less baseline", f"{memory.peak_mib:.0f} - {memory.baseline_mib:.0f} MiB"))
    return lines


def _conditions(record: Record) -> Lines:
    """The conditions of a cell's last record; what an older or newer version recorded in another form is left out."""
    start, end = (_fields(record.conditions.get(when)) for when in ("start", "end"))
    shape = "x".join(map(str, record.cell.image_shape))
    loads = [_number(when.get("load_average"), ".2f") for when in (start, end)]
    return [
        ("images", f"{shape}, {record.cell.data}"), ("parameters", _number(record.model.get("parameters"), ",")),
        ("load average", " to ".join(filter(None, loads))),
        ("processors busy", _number(end.get("busy_processors"), ".2f")),
        ("swap in use", _with_unit(_number(end.get("swap_used_mib"), ".0f"), "MiB")),
        ("governor", str(end.get("governor") or "")), *_gpus(record),
        ("took", _with_unit(_number(record.seconds.get("total"), ".0f"), "s")),
        ("measured", record.time.replace("T", " ")),
    ]


def _gpus(record: Record) -> Lines:
    lines = []
    for gpu in map(_fields, record.conditions.get("gpus") or ()):
        told = [_with_unit(_range(gpu.get("sm_clock_mhz")), "MHz"),
                _with_unit(_range(gpu.get("temperature_celsius")), "°C")]
        lines.append((str(gpu.get("name", "GPU")), ", ".join(filter(None, told))))
    return lines


def _fields(value) -> Dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _range(bounds) -> str:
    return " to ".join(dict.fromkeys(map(str, bounds))) if isinstance(bounds, (list, tuple)) else ""


def _number(value, form: str) -> str:
    return format(value, form) if isinstance(value, (int, float)) else ""


def _with_unit(text: str, unit: str) -> str:
    return f"{text} {unit}" if text else ""


def _windows(record: Record) -> List[Tuple[float, int]]:
    both = ((record.speed.warmup, 0), (record.speed.windows, 1))
    return [(round(window.images_per_second, 3), counts)
            for windows, counts in both for window in windows if window.seconds]
