"""The two tables of a group of cells: speed and memory, one row a network, one column a batch size."""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from ..results.record import OK, SKIPPED, STATUS_TEXT, Cell, Predicted, Record
from ..results.summary import Summary, by_reason
from ..symbols import list_networks
from . import roofline

SPEED, MEMORY, ROOFLINE = "speed", "memory", "roofline"
_LETTERS = string.ascii_lowercase.replace("q", "") + string.ascii_uppercase  # there is no small raised q


@dataclass(frozen=True)
class Row:
    """One network: its summaries in the order of the columns, None where there is no record."""

    name: str
    reference_top5: Optional[float]
    cells: Tuple[Optional[Summary], ...]

    @property
    def network(self) -> str:
        """The network's name as options give it."""
        return next(cell for cell in self.cells if cell).cell.network


@dataclass(frozen=True)
class Table:
    """A group of cells that were measured under the same conditions, which the heading names.

    ``spread`` shows the interval beside each speed, ``predicted`` the prediction beside each memory; with ``marks`` the
    notes mark the cells that they concern, instead of listing them; ``roofline`` adds the arithmetic per second.
    """

    summaries: Tuple[Summary, ...]
    batch_sizes: Tuple[int, ...]
    rows: Tuple[Row, ...]
    spread: bool = False
    predicted: bool = False
    marks: bool = False
    roofline: bool = False

    @property
    def quantities(self) -> Tuple[str, ...]:
        """What there is a table of."""
        return (SPEED, MEMORY) + (ROOFLINE,) * self.roofline

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

    @property
    def columns(self) -> List[Tuple[str, int]]:
        """For each column the set of conditions, unnamed where there is only one, and the batch size."""
        return [("", size) for size in self.batch_sizes]

    def column(self, batch_size: int) -> List[Optional[Summary]]:
        """The cells of one batch size, one for each row."""
        position = self.batch_sizes.index(batch_size)
        return [row.cells[position] for row in self.rows]

    def device(self, memory: str = "Memory") -> str:
        """The device with its memory, such as ``GPU: Maxwell TITAN X (12GiB Memory)``."""
        machine = self.example.machine
        if self.on_gpu:
            size = f" ({machine['gpu_memory_mib'][0] / 1024:.0f}GiB {memory})" if machine.get("gpu_memory_mib") else ""
            return f"GPU: {self.short_device()}{size}"
        cores, size = machine.get("cores", "?"), machine.get("memory_gib", "?")
        return f"CPU: {self.short_device()} ({cores} cores, {size}GiB {memory})"

    def short_device(self) -> str:
        """The device's name alone."""
        machine = self.example.machine
        gpus = machine.get("gpus") or ["unknown"]
        return f"{f'{len(gpus)} x ' if len(gpus) > 1 else ''}{gpus[0]}" if self.on_gpu else machine.get("cpu", "unknown")

    def headline(self) -> str:
        """The conditions in a few words, for a figure."""
        mxnet = self.example.software.get("mxnet")
        return f"{self.device()}, protocol {self.example.cell.protocol}{f', {mxnet}' if mxnet else ''}"

    def conditions(self) -> List[str]:
        """More lines of the heading, for a measurement of our own."""
        record = self.example
        if not record.software.get("mxnet"):
            return []
        together, cores = record.machine.get("parallel_cells"), record.machine.get("cores")
        return [
            f"{protocol_text(record.cell)}, kvstore {_kv_store_text(record.cell)}{frontend_text(record.cell)}",
            mxnet_text(record),
            *([f"measured {together} cells at a time, each on a GPU and {cores} CPU cores of its own"] if together else []),
        ]

    def memory_conditions(self) -> List[str]:
        """How the memory was read, and what else stands in the table."""
        memory = self.example.memory
        lines = [f"memory: {memory.method}"] if memory and memory.method else []
        return lines + ["in brackets: predicted before the run, not measured"] * self.predicted

    def notes(self) -> List[str]:
        """What the reader should know about single cells: one line for each reason, with the cells that it concerns."""
        return by_reason([cell for row in self.rows for cell in row.cells if cell], remarks)

    def marked_reasons(self) -> Dict[str, str]:
        """The letter that marks each reason in the cells; empty unless the table has marks."""
        cells = [cell for row in self.rows for cell in row.cells if cell] if self.marks else []
        reasons = dict.fromkeys(reason for cell in cells for reason in remarks(cell))
        return dict(zip(reasons, _LETTERS))

    def mark(self, cell: Optional[Summary]) -> str:
        """The letters of the reasons that concern a cell."""
        marked = self.marked_reasons() if self.marks and cell else {}
        return "".join(marked.get(reason, "") for reason in remarks(cell)) if marked else ""

    def cell_text(self, quantity: str, cell: Optional[Summary]) -> str:
        """What stands in a cell, without marks."""
        if quantity == ROOFLINE:
            return _text(cell, roofline.roofline_text)
        return speed_text(cell, self.spread) if quantity == SPEED else memory_text(cell, self.predicted)

    def roofline_conditions(self) -> List[str]:
        """What arithmetic is counted, and what it is held against."""
        return roofline.conditions(self.summaries)


def table(summaries: Sequence[Summary], spread: bool = False, predicted: bool = False, marks: bool = False,
          sort: str = "published", **shown) -> Table:
    """Arrange the cells of one group: batch sizes ascending, networks as ``sort`` says (see :data:`SORTS`)."""
    batch_sizes = tuple(sorted({summary.cell.batch_size for summary in summaries}))
    by_row: Dict[tuple, Dict[int, Summary]] = {}
    for summary in summaries:
        by_row.setdefault((summary.cell.network, summary.cell.image_shape), {})[summary.cell.batch_size] = summary
    networks = [network for network, _ in by_row]
    rows = []
    for (network, shape), found in by_row.items():
        known = next(iter(found.values()))
        # One network with images of two sizes makes two rows.
        size = f" {'x'.join(map(str, shape))}" if networks.count(network) > 1 else ""
        rows.append(Row(known.display_name + size, known.reference_top5, tuple(map(found.get, batch_sizes))))
    return Table(tuple(summaries), batch_sizes, arrange(rows, sort), spread, predicted, marks, **shown)


def arrange(rows: Sequence[Row], sort: str) -> Tuple[Row, ...]:
    """The rows in the published order, then as they appear, and that order kept where ``sort`` sees no difference."""
    order = {name: position for position, name in enumerate(list_networks())}
    return tuple(sorted(sorted(rows, key=lambda row: order.get(row.network, len(order))), key=SORTS[sort]))


def _fastest(row: Row) -> float:
    return -next((cell.images_per_second for cell in row.cells if cell and cell.status == OK), 0.0)


def _smallest(row: Row) -> float:
    return next((cell.memory_mib for cell in row.cells if cell and cell.memory_mib is not None), float("inf"))


# What rows can be sorted by: the fastest, smallest, most accurate first, at the smallest batch size that has a figure.
SORTS: Dict[str, Callable[[Row], object]] = {
    "published": lambda row: 0,  # the order of the published table, then as they appear
    "name": lambda row: row.name.casefold(),
    "speed": _fastest,
    "memory": _smallest,
    "accuracy": lambda row: -(row.reference_top5 or 0.0),
}


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


def protocol_text(cell: Cell) -> str:
    """The protocol with what it trains."""
    return f"protocol: {cell.protocol} ({cell.num_classes} classes, {cell.dtype})"


def frontend_text(cell: Cell) -> str:
    """The frontend, where it is not the usual one."""
    return ", frontend gluon" if cell.frontend == "gluon" else ""


def mxnet_text(record: Record) -> str:
    """The release of MXNet with its settings."""
    settings = " ".join(f"{name}={value}" for name, value in record.variables.items())
    return f"MXNet: {record.software.get('mxnet') or 'unknown'}, {record.cell.tuning} ({settings or 'no settings'})"


def remarks(summary: Summary) -> List[str]:
    """What the reader should know about a cell, without the detail in brackets, so that equal ones come together."""
    return list(dict.fromkeys([*_verdict(summary), *(reason.partition(" (")[0] for reason in summary.warnings)]))


def _kv_store_text(cell: Cell) -> str:
    """The KVStore and, where there is one, how many processes share it."""
    if not cell.is_distributed:
        return cell.kv_store
    compressed = f", gradients {cell.gc_type}" if cell.gc_type != "none" else ""
    shared = f"{counted(cell.workers, 'worker')}, {counted(cell.servers, 'server')}"
    return f"{cell.kv_store} ({shared}{compressed}; batch size of each worker)"


def counted(number: int, noun: str) -> str:
    """A number of things: ``1 worker``, ``2 workers``."""
    return f"{number} {noun}{'s' * (number != 1)}"


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
