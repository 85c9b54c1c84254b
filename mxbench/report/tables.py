"""The two tables of a group of cells: speed and memory, one row a network, one column a batch size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, List, Optional, Sequence, Tuple

from ..results.record import OK, SKIPPED, STATUS_TEXT, Predicted
from ..results.summary import Summary, by_reason
from ..symbols import list_networks


@dataclass(frozen=True)
class Row:
    """One network: its summaries in the order of the columns, None where there is no record."""

    name: str
    reference_top5: Optional[float]
    cells: Tuple[Optional[Summary], ...]


@dataclass(frozen=True)
class Table:
    """A group of cells that were measured under the same conditions, which the heading names."""

    summaries: Tuple[Summary, ...]
    batch_sizes: Tuple[int, ...]
    rows: Tuple[Row, ...]
    spread: bool = False
    predicted: bool = False

    @property
    def example(self):
        """A record that stands for the conditions of all; a finished one if there is any."""
        records = [record for summary in self.summaries for record in summary.records]
        return next((record for record in records if record.status == OK), records[0])

    @property
    def on_gpu(self) -> bool:
        """Whether the cells ran on GPUs."""
        return self.example.cell.on_gpu

    @property
    def dataset(self) -> str:
        """What was trained on."""
        return self.example.cell.data_name

    @property
    def optimizer(self) -> str:
        """The optimizer's name as tables write it."""
        return self.example.cell.optimizer.upper()

    def device(self, memory: str = "Memory") -> str:
        """The device with its memory, such as ``GPU: Maxwell TITAN X (12GiB Memory)``."""
        machine = self.example.machine
        if self.on_gpu:
            gpus = machine.get("gpus") or ["unknown"]
            size = f" ({machine['gpu_memory_mib'][0] / 1024:.0f}GiB {memory})" if machine.get("gpu_memory_mib") else ""
            return f"GPU: {f'{len(gpus)} x ' if len(gpus) > 1 else ''}{gpus[0]}{size}"
        cores, size = machine.get("cores", "?"), machine.get("memory_gib", "?")
        return f"CPU: {machine.get('cpu', 'unknown')} ({cores} cores, {size}GiB {memory})"

    def conditions(self) -> List[str]:
        """More lines of the heading, for a measurement of our own."""
        record = self.example
        if not record.software.get("mxnet"):
            return []
        settings = " ".join(f"{name}={value}" for name, value in record.variables.items())
        return [
            f"protocol: {record.cell.protocol} ({record.cell.num_classes} classes, {record.cell.dtype}), "
            f"kvstore {record.cell.kv_store}",
            f"MXNet: {record.software['mxnet']}, {record.cell.tuning} ({settings or 'no settings'})",
        ]

    def memory_conditions(self) -> List[str]:
        """How the memory was read, and what else stands in the table."""
        memory = self.example.memory
        lines = [f"memory: {memory.method}"] if memory and memory.method else []
        return lines + ["in brackets: predicted before the run, not measured"] * self.predicted

    def notes(self) -> List[str]:
        """What the reader should know about single cells: one line for each reason, with the cells that it concerns."""
        cells = [cell for row in self.rows for cell in row.cells if cell]
        return by_reason(cells, lambda summary: [*_verdict(summary), *map(_general, summary.warnings)])


def table(summaries: Sequence[Summary], spread: bool = False, predicted: bool = False) -> Table:
    """Arrange the cells of one group: networks in the published order and then as they appear, batch sizes ascending.

    ``spread`` shows the interval beside each speed, ``predicted`` the prediction beside each memory.
    """
    batch_sizes = tuple(sorted({summary.cell.batch_size for summary in summaries}))
    order = {name: position for position, name in enumerate(list_networks())}
    names = sorted(dict.fromkeys(summary.cell.network for summary in summaries), key=lambda n: order.get(n, len(order)))
    by_cell = {(summary.cell.network, summary.cell.batch_size): summary for summary in summaries}
    rows = []
    for name in names:
        cells = tuple(by_cell.get((name, batch_size)) for batch_size in batch_sizes)
        known = next(filter(None, cells))
        rows.append(Row(known.display_name, known.reference_top5, cells))
    return Table(tuple(summaries), batch_sizes, tuple(rows), spread, predicted)


def speed_text(summary: Optional[Summary], spread: bool = False) -> str:
    """The speed in images/sec, with the half-width of its interval if asked, or why there is none."""

    def figure(found: Summary) -> str:
        width = found.half_width
        return f"{found.images_per_second:.2f}" + (f" ±{width:.1%}" if spread and width is not None else "")

    return _text(summary, figure)


def memory_text(summary: Optional[Summary], predicted: bool = False) -> str:
    """The memory in whole MiB, or why there is none; in brackets what was predicted, if asked."""
    text = _text(summary, lambda found: "unknown" if found.memory_mib is None else f"{found.memory_mib:.0f}")
    return f"{text} ({predicted_text(summary.predicted)})" if predicted and summary and summary.predicted else text


def predicted_text(predicted: Predicted) -> str:
    """Predicted memory in whole MiB, as an interval where it is one."""
    low, high = f"{predicted.low_mib:.0f}", f"{predicted.high_mib:.0f}"
    return low if low == high else f"{low} - {high}"


def accuracy_text(top5: Optional[float]) -> str:
    """The published top-5 accuracy."""
    return "unknown" if top5 is None else f"{top5:.1f}%"


def _text(summary: Optional[Summary], figure: Callable[[Summary], str]) -> str:
    if summary is None:
        return STATUS_TEXT[SKIPPED]
    return figure(summary) if summary.status == OK else STATUS_TEXT[summary.status]


def _verdict(summary: Summary) -> List[str]:
    verdicts = {record.speed.verdict for record in summary.records if record.speed}
    if summary.inferred:
        return ["not run, since a smaller batch size ran out of memory already"]
    if "limited" in verdicts:
        return ["the time limit came before the figure was precise"]
    return ["still noisy after many windows"] if "noisy" in verdicts else []


def _general(reason: str) -> str:
    """A warning without the detail in brackets, so that equal ones come together."""
    return reason.partition(" (")[0]
