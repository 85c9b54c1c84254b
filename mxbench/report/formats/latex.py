"""Tables as LaTeX, for the package booktabs."""

from __future__ import annotations

import re
from itertools import groupby
from typing import List, Sequence

from ..beside import SideBySide
from ..tables import MEMORY, ROOFLINE, SPEED, Table, accuracy_text
from .templates import environment

_SPECIAL = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", **{letter: "\\" + letter for letter in "&%$#_{}"},
}


_TITLES = {SPEED: "Speed (images/sec)", MEMORY: "Memory usage (MiB)", ROOFLINE: "Arithmetic (GFLOP/s and share of the peak)"}


class _Ready(str):
    """Text that is LaTeX already."""


def render(tables: Sequence[Table]) -> str:
    """Table environments, speed and memory and what else there is, for each table."""
    latex = environment(
        block_start_string="<%", block_end_string="%>", variable_start_string="<<", variable_end_string=">>",
        comment_start_string="<#", comment_end_string="#>", finalize=_escape,
    )
    return latex.get_template("tables.tex").render(
        tables=tables, lines=_lines, heads=_heads, notes=_notes, alignment=_alignment, caption=_caption)


def _escape(value) -> str:
    """A value as LaTeX shows it to the letter."""
    if isinstance(value, _Ready):
        return value
    special = "|".join(map(re.escape, _SPECIAL))
    return re.sub(special, lambda found: _SPECIAL[found[0]], " ".join(str(value).split()))


def _caption(table: Table, quantity: str) -> _Ready:
    what = _TITLES[quantity]
    told = [f"dataset: {table.dataset}", f"optimizer: {table.optimizer}"]
    if isinstance(table, SideBySide):
        told = table.legend
    else:
        more = {SPEED: table.conditions, MEMORY: table.memory_conditions, ROOFLINE: table.roofline_conditions}
        told += [table.device(), *more[quantity]()]
    return _Ready(_escape(f"{what}. {'; '.join(told)}."))


def _alignment(table: Table, quantity: str) -> _Ready:
    return _Ready("l" + "r" * (len(table.columns) + (quantity == MEMORY)))


def _heads(table: Table, quantity: str) -> List[_Ready]:
    """The head's lines: the sets of conditions over their columns where there are several, then the batch sizes."""
    lines, groups, rules, first = [], [], [], 2
    for label, columns in groupby(table.columns, key=lambda column: column[0]):
        count = len(list(columns))
        groups.append(rf"\multicolumn{{{count}}}{{c}}{{{_escape(label)}}}")
        rules.append(rf"\cmidrule(lr){{{first}-{first + count - 1}}}")
        first += count
    if isinstance(table, SideBySide):
        lines = [_row(["", *groups, *[""] * (quantity == MEMORY)]), _Ready(" ".join(rules))]
    sizes = [f"batch size {size}" for _, size in table.columns]
    return [*lines, _row(["model", *sizes, *["top-5 accuracy"] * (quantity == MEMORY)])]


def _lines(table: Table, quantity: str) -> List[_Ready]:
    found = []
    for row in table.rows:
        cells = [_cell(table, quantity, cell) for cell in row.cells]
        accuracy = [_escape(accuracy_text(row.reference_top5))] if quantity == MEMORY else []
        found.append(_row([_escape(row.name), *cells, *accuracy]))
    return found


def _cell(table: Table, quantity: str, cell) -> str:
    mark = table.mark(cell) if quantity == SPEED else ""
    text = _escape(table.cell_text(quantity, cell))
    return rf"{text}\textsuperscript{{{','.join(mark)}}}" if mark else text


def _row(cells: Sequence[str]) -> _Ready:
    return _Ready(" & ".join(cells) + r" \\")


def _notes(table: Table) -> List[_Ready]:
    if not table.marks:
        return [_Ready(_escape(note)) for note in table.notes()]
    return [_Ready(rf"\textsuperscript{{{letter}}} {_escape(reason)}")
            for reason, letter in table.marked_reasons().items()]
