"""Two runs side by side: which of their cells are the same thing measured twice, and what became of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ..errors import UserError, nearest
from .comparison import SAME, Comparison, compare, compare_memory
from .machine import SETTINGS
from .record import OK, STATUS_TEXT, Record
from .summary import Summary, differences, summarise

WHOLE = ("machine", "variables")  # names that stand for all fields of that part of a record

Group = Sequence[Summary]


@dataclass(frozen=True)
class Pair:
    """One cell in two runs."""

    first: Summary
    second: Summary

    @property
    def finished(self) -> bool:
        """Whether there are two figures to compare."""
        return self.first.status == self.second.status == OK

    @property
    def identical(self) -> bool:
        """Whether both runs hold the very same measurement, as a file compared with itself does."""
        return self.first.records == self.second.records

    @property
    def speed(self) -> Optional[Comparison]:
        """The speed of the second over that of the first. A measurement is the same as itself, however noisy."""
        if not self.finished:
            return None
        return Comparison(1.0, (1.0, 1.0), SAME) if self.identical else compare(self.first, self.second)

    @property
    def memory(self) -> Optional[Comparison]:
        """The memory of the second over that of the first."""
        return compare_memory(self.first, self.second) if self.finished else None

    @property
    def lost(self) -> bool:
        """Whether the second run has no figure where the first has one."""
        return self.first.status == OK != self.second.status

    @property
    def verdict(self) -> str:
        """On the speed; where a run has no figure, what became of the cell: ``now out of memory``."""
        if self.finished:
            return self.speed.verdict
        before, after = (STATUS_TEXT.get(one.status) for one in (self.first, self.second))
        if before == after:
            return f"{after} in both"
        if after is None:
            return f"no longer {before}"
        return f"now {after}" if before is None else f"{before}, now {after}"

    @property
    def redefined(self) -> bool:
        """Whether the network of that name is known to be another one in the second run."""
        shas = [one.records[-1].model.get("symbol_sha256") for one in (self.first, self.second)]
        return all(shas) and shas[0] != shas[1]


@dataclass(frozen=True)
class Match:
    """The cells of two runs under like conditions; ``across`` holds the fields that differ, with both values."""

    pairs: Tuple[Pair, ...]
    only_first: Tuple[Summary, ...] = ()
    only_second: Tuple[Summary, ...] = ()
    across: Tuple[Tuple[str, Tuple[Any, Any]], ...] = ()


def match(first: Sequence[Record], second: Sequence[Record], across: Sequence[str] = ()) -> List[Match]:
    """Match the cells of two runs, one :class:`Match` for each set of conditions that both have.

    ``across`` names the fields that are meant to differ: those of :meth:`Record.surroundings`, ``image_shape``, or
    ``machine`` and ``variables`` for all fields of either.

    Raises:
        UserError: there is no such field, the runs differ in other fields, or have no cell in common.
    """
    _check_names(across, [*first, *second])
    ours, theirs = (_groups(records, across) for records in (first, second))
    left, right = ([group for key, group in these.items() if key not in those]
                   for these, those in ((ours, theirs), (theirs, ours)))
    if left and right:
        _refuse(left, right, across)
    found = [_pair_up(ours[key], theirs[key], across) for key in ours if key in theirs]
    if not any(one.pairs for one in found):
        raise UserError("the two runs have no cell in common: compare runs of the same networks and batch sizes")
    return found + [Match((), tuple(group)) for group in left] + [Match((), (), tuple(group)) for group in right]


def match_published(published: Sequence[Record], run: Sequence[Record]) -> List[Match]:
    """Set each set of conditions of a run beside the published table, whatever differs but the images' shape.

    Raises:
        UserError: a network has images of another shape, or no cell is in the published table.
    """
    [table] = summarise(published)
    found = [_pair_up(table, group, ()) for group in summarise(run)]
    if not any(one.pairs for one in found):
        raise UserError("no cell of the run is in the published table, which has the networks of mxbench networks at "
                        "batch sizes 10, 20, 30 and 40")
    return found


def _pair_up(first: Group, second: Group, across: Sequence[str]) -> Match:
    """Match the cells of two groups by network, batch size and image shape.

    Raises:
        UserError: a network and batch size differ in the image shape, or come twice when that is to be left out.
    """
    if "image_shape" not in across:
        _check_shapes(first, second)
    ours, theirs = (_by_cell(group, "image_shape" not in across) for group in (first, second))
    pairs = [Pair(one, theirs[key]) for key, one in ours.items() if key in theirs]
    return Match(
        tuple(pairs), tuple(one for key, one in ours.items() if key not in theirs),
        tuple(one for key, one in theirs.items() if key not in ours),
        tuple(_differences(first[0].records[0], second[0].records[0]).items()),
    )


def _by_cell(group: Group, shaped: bool) -> Dict[tuple, Summary]:
    found: Dict[tuple, Summary] = {}
    for one in group:
        key = (one.cell.network, one.cell.batch_size, one.cell.image_shape if shaped else None)
        if key in found:
            raise UserError(f"a run holds {one.cell.network} at batch size {one.cell.batch_size} with several image "
                            "shapes: do not name image_shape")
        found[key] = one
    return found


def _check_shapes(first: Group, second: Group) -> None:
    ours, theirs = ({}, {})
    for shapes, group in ((ours, first), (theirs, second)):
        for one in group:
            shapes.setdefault((one.cell.network, one.cell.batch_size), []).append(one.cell.image_shape)
    for key in ours.keys() & theirs.keys():
        if not set(ours[key]) & set(theirs[key]):
            _unlike({"image_shape": (ours[key][0], theirs[key][0])}, f" at {key[0]}")


def _groups(records: Sequence[Record], across: Sequence[str]) -> Dict[str, Group]:
    """The groups of a run by their conditions, those named in ``across`` left out."""
    found: Dict[str, Group] = {}
    for group in summarise(records):
        key = json.dumps(_conditions(group[0].records[0], across), sort_keys=True)
        if key in found:
            names = _names(_differences(found[key][0].records[0], group[0].records[0]))
            raise UserError(f"one of the files holds several runs that differ in {', '.join(names)}: split it, or "
                            "leave those out of --across")
        found[key] = group
    return found


def _conditions(record: Record, across: Sequence[str]) -> Dict[str, Any]:
    left_out = {*across, *(name for part in WHOLE if part in across for name in getattr(record, part))}
    return {name: value for name, value in record.surroundings().items() if name not in left_out}


def _differences(first: Record, second: Record, across: Sequence[str] = ()) -> Dict[str, Tuple[Any, Any]]:
    """The conditions in which two records differ, with both values; those of the machine under one name."""
    kept = set(_conditions(first, across)) | set(_conditions(second, across))
    found = {name: values for name, values in differences(first, second).items() if name in kept}
    of_machine = {name: found.pop(name) for name in list(found) if name in first.machine or name in second.machine}
    if of_machine:
        found["machine"] = tuple(", ".join(f"{name} {value_text(values[side])}" for name, values in of_machine.items())
                                 for side in (0, 1))
    return found


def _refuse(left: Sequence[Group], right: Sequence[Group], across: Sequence[str]) -> None:
    """Name the fields in which the two groups differ that differ least."""
    unlike = [_differences(one[0].records[0], other[0].records[0], across) for one in left for other in right]
    _unlike(min(unlike, key=len))


def _unlike(unlike: Dict[str, Tuple[Any, Any]], where: str = "") -> None:
    told = "; ".join(f"{name} ({value_text(one)} against {value_text(other)})" for name, (one, other) in unlike.items())
    raise UserError(f"the runs are unlike{where}: {told}. Compare like with like, or name what is meant to differ: "
                    f"--across {','.join(_names(unlike))}")


def _names(unlike: Dict[str, Tuple[Any, Any]]) -> List[str]:
    """The names to give to ``--across``: all variables of the environment under one."""
    return list(dict.fromkeys("variables" if name.startswith(SETTINGS) else name for name in unlike))


def value_text(value: Any) -> str:
    """A condition's value as a reader writes it; ``none`` where there is none."""
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value))
    return "none" if value in (None, "") else str(value)


def _check_names(across: Sequence[str], records: Sequence[Record]) -> None:
    known = {*WHOLE, "image_shape", *(name for record in records for name in record.surroundings())}
    for name in across:
        if name not in known:
            raise UserError(f"--across {name}: the records have no such field: {nearest(name, sorted(known))}")
