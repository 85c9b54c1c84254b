"""The scaling report: how fast workers train together, where the time of a step goes, and what crosses the network.

Predicted rows stand under the measured ones, and say that they are predicted.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence

from ..errors import UserError, nearest
from ..predict.scaling import ScalingPrediction
from ..results.record import OK, STATUS_TEXT, Record
from ..results.statistics import half_width
from .formats import csv, json, markdown
from .formats.templates import environment
from .tables import counted, frontend_text, mxnet_text, protocol_text, remarks
from .workers import Basis, ScalingTable, Workers, arrange

FORMATS = ("markdown", "csv", "json")
NOTHING = "no record is of workers that train together: measure some with mxbench scale"
NO_BANDWIDTH = ("not predicted: no bandwidth can be read from these rows, which takes several workers on hosts of "
                "their own; give one, such as 10Gbit")

_NONE = "—"
_HEADS = ("workers", "images/sec", "speedup", "efficiency", "step ms", "compute ms", "push/pull ms", "input ms",
          "hidden ms", "sent MB", "received MB", "sent / gradients")
_PARTS = ("step", "compute", "communicate", "input")
_LEGEND = (
    "step: the median while training; compute, push/pull (with the update and the wait for other workers) and input: "
    "of further steps with a barrier after each part; hidden: by how much these are longer together than the step",
    "sent, received: what TCP carried for one worker in a step",
)


class Report(NamedTuple):
    """What is shown: the tables, and for each what predictions start from and for how many workers there are some."""

    tables: Sequence[ScalingTable]
    predicted_workers: Sequence[int]
    bandwidth: Optional[float]
    apart: bool

    def basis(self, table: ScalingTable) -> Optional[Basis]:
        """What predictions in a table start from."""
        return table.basis(self.bandwidth, self.apart) if self.predicted_workers else None

    def figures(self, table: ScalingTable) -> Iterator[Dict[str, Any]]:
        """All figures of each row under the names by which programs read them, the predicted rows last."""
        yield from (_measured(table, row) for row in table.rows)
        basis = self.basis(table)
        if basis:
            yield from (_predicted(table, basis, count, self.apart) for count in self.predicted_workers)

    def notes(self, table: ScalingTable) -> List[str]:
        """What failed, what is in doubt, and what predictions rest on."""
        ended = [row for row in table.rows if row.summary.status != OK and row.summary.message]
        failed = [f"{_workers_text([row])}: {STATUS_TEXT[row.summary.status]}: {row.summary.message}" for row in ended]
        return failed + _doubts(table) + self._about_predictions(table)

    def _about_predictions(self, table: ScalingTable) -> List[str]:
        basis = self.basis(table)
        if not basis:
            return [NO_BANDWIDTH] if self.predicted_workers else []
        where = f"read from push and pull of {basis.measured_with} workers" if basis.measured_with else "given"
        servers = "servers on hosts of their own" if self.apart else "servers on the workers' hosts"
        shown = "bounds with nothing and with all hidden of the network's time that can be"
        if basis.hidden is not None:
            shown = f"with {basis.hidden:.0%} hidden of what can be, as measured, and in brackets {shown}"
        lines = [f"predicted, not measured: each worker on a host of its own, {servers}, {rate_text(basis.bandwidth)} "
                 f"each way ({where}), the rest of the step as with {_workers_text([basis.start])}; {shown}; "
                 "efficiency against one worker without a network"]
        return lines + [_link_text(table.predict(count, basis, self.apart)) for count in self.predicted_workers]


def build(records: Sequence[Record], predicted_workers: Sequence[int] = (), bandwidth: Optional[float] = None,
          form: str = "markdown", apart: bool = False, title: str = "Scaling", level: int = 2) -> str:
    """The report of all records of workers that train together, a table for each network and set of conditions.

    Args:
        predicted_workers: for how many workers there is a predicted row too.
        bandwidth: bytes per second over each host's interface, for these; else what the records tell.
        form: one of :data:`FORMATS`.
        apart: whether the servers have hosts of their own; else they are on the workers' hosts.
        title, level: as for :func:`mxbench.report.formats.markdown.render`.

    Raises:
        UserError: there is no such record, or no such format.
    """
    if form not in FORMATS:
        raise UserError(f"the scaling report has no format {form}: {nearest(form, FORMATS)}")
    tables = arrange(records)
    if not tables:
        raise UserError(NOTHING)
    report = Report(tables, sorted(set(predicted_workers)), bandwidth, apart)
    if form == "csv":
        return csv.text([{**_conditions(table), **row} for table in tables for row in report.figures(table)])
    if form == "json":
        return json.text({"tables": [{**_conditions(table), "software": table.example.software,
                                      "rows": list(report.figures(table))} for table in tables]})
    return environment().get_template("scaling.md").render(
        tables=tables, title=title, heading="#" * level, conditions=_condition_lines, notes=report.notes,
        grid=lambda table: markdown.aligned(_HEADS, [_texts(row) for row in report.figures(table)]))


def rate_text(bytes_per_second: float) -> str:
    """A bandwidth in bits, as networks are sold."""
    bits = 8 * bytes_per_second
    return f"{bits / 1e9:.3g} Gbit/s" if bits >= 1e9 else f"{bits / 1e6:.3g} Mbit/s"


def _measured(table: ScalingTable, row: Workers) -> Dict[str, Any]:
    speed, one, parts = row.images_per_second, table.one, row.parts or {}
    speedup = speed / one if speed and one else None
    low, high = row.interval or (None, None)
    sent, gradients = parts.get("sent_bytes"), parts.get("gradient_bytes")
    return {
        "workers": row.workers, "servers": row.summary.cell.servers, "predicted": False, "status": row.summary.status,
        "message": row.summary.message, "images_per_second": speed, "images_per_second_low": low,
        "images_per_second_high": high, "speedup": speedup, "efficiency": speedup and speedup / row.workers,
        **{f"{name}_seconds": parts.get(f"{name}_seconds") for name in _PARTS},
        "hidden_seconds": row.hidden_seconds, "gradient_bytes": gradients, "sent_bytes": sent,
        "received_bytes": parts.get("received_bytes"), "sent_per_gradient": sent / gradients if gradients else None,
    }


def _predicted(table: ScalingTable, basis: Basis, workers: int, apart: bool) -> Dict[str, Any]:
    found, gradients = table.predict(workers, basis, apart), basis.start.parts["gradient_bytes"]
    step = found.estimate_seconds
    efficiency = step and found.alone_seconds / step
    row = {"workers": workers, "servers": table.servers(workers), "predicted": True, "status": OK}
    for name, middle, bounds in (
            ("images_per_second", step and found.speed(step), found.images_per_second),
            ("speedup", step and workers * efficiency, [workers * end for end in found.efficiency]),
            ("efficiency", efficiency, found.efficiency), ("step_seconds", step, found.step_seconds)):
        row.update({name: middle, f"{name}_low": bounds[0], f"{name}_high": bounds[1]})
    return {**row, "gradient_bytes": gradients, "sent_bytes": found.traffic.sent_bytes,
            "received_bytes": found.traffic.received_bytes, "sent_per_gradient": found.traffic.sent_bytes / gradients,
            "bandwidth": basis.bandwidth}


def _texts(row: Dict[str, Any]) -> List[str]:
    """The cells of a row, in the order of the heads."""
    ended = row["status"] != OK
    speed = STATUS_TEXT[row["status"]] if ended else _figure(row, "images_per_second", "{:.2f}")
    if not row["predicted"] and row["images_per_second_low"] is not None:
        interval = row["images_per_second_low"], row["images_per_second_high"]
        speed += f" ±{half_width(interval, row['images_per_second']):.1%}"
    times = [_figure(row, f"{name}_seconds", "{:,.1f}", 1e3) for name in (*_PARTS, "hidden")]
    return [f"{row['workers']}{', predicted' * row['predicted']}", speed, _figure(row, "speedup", "{:.2f}"),
            _figure(row, "efficiency", "{:.1%}"), *times, _figure(row, "sent_bytes", "{:,.1f}", 1e-6),
            _figure(row, "received_bytes", "{:,.1f}", 1e-6), _figure(row, "sent_per_gradient", "{:.2f}")]


def _figure(row: Dict[str, Any], name: str, form: str, scale: float = 1.0) -> str:
    """A figure, that of a predicted row with its bounds in brackets."""
    middle, low, high = (row.get(key) for key in (name, f"{name}_low", f"{name}_high"))
    known = None if middle is None else form.format(scale * middle)
    if not row["predicted"] or low is None:
        return known or _NONE
    ends = " - ".join(dict.fromkeys(form.format(scale * end) for end in (low, high)))
    return f"{known} ({ends})" if known else ends


def _conditions(table: ScalingTable) -> Dict[str, Any]:
    """What holds for all rows, for programs."""
    surroundings = table.example.surroundings()
    del surroundings["workers"], surroundings["servers"]
    return {"network": table.example.cell.network, "display_name": table.name, "batch_size": table.batch_size,
            "image_shape": "x".join(map(str, table.example.cell.image_shape)),
            "device": table.conditions.device().partition(": ")[2], **surroundings}


def _condition_lines(table: ScalingTable) -> List[str]:
    """More lines of the heading."""
    cell = table.example.cell
    servers = "as many servers as workers" if table.as_many_servers else counted(cell.servers, "server")
    crowded = [row for row in table.rows if row.hosts and row.hosts < row.workers]
    hosts = [f"{_workers_text(crowded)}: on fewer hosts than that, whose processors they share"] if crowded else []
    gradients = next((row.parts["gradient_bytes"] for row in table.finished if row.parts), None)
    total = [] if gradients is None else [f"gradients: {gradients / 1e6:,.1f} MB, compression: {cell.gc_type}"]
    return [f"{protocol_text(cell)}, kvstore {cell.kv_store} ({servers}){frontend_text(cell)}",
            mxnet_text(table.example), *hosts, *total, *_LEGEND]


def _doubts(table: ScalingTable) -> List[str]:
    """One line for each remark, with the rows that it concerns."""
    concerned: Dict[str, List[Workers]] = {}
    for row in table.rows:
        for reason in remarks(row.summary):
            concerned.setdefault(reason, []).append(row)
    return [f"{reason}: {_workers_text(rows)}" for reason, rows in concerned.items()]


def _workers_text(rows: Sequence[Workers]) -> str:
    counts = ", ".join(str(row.workers) for row in rows)
    return f"{counts} worker{'s' * (counts != '1')}"


def _link_text(found: ScalingPrediction) -> str:
    """What one prediction says of the network."""
    if not found.traffic.link:
        return f"{counted(found.workers, 'worker')}, predicted: nothing crosses the network"
    longer = "more than the rest of the step" if found.network_bound else "less than the rest of the step"
    load = f"{found.traffic.together_bytes / 1e6:,.1f} MB one way in {1e3 * found.network_seconds[0]:,.1f} ms"
    return f"{found.workers} workers, predicted: the busiest link, {found.traffic.link}, carries {load}, {longer}"
