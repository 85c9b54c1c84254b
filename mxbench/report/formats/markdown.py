"""Tables as Markdown, in the form in which the table of 2017 was published."""

from __future__ import annotations

from typing import List, Sequence

from ..beside import SideBySide
from ..roofline import cost_text
from ..tables import MEMORY, ROOFLINE, SPEED, Table, accuracy_text
from .templates import environment

# Widths of the first column as published: one is wider than its names, the other fits them.
_NAME_WIDTHS = {"speed": 31, "memory": 17, "roofline": 17}
# A last column: its head, the width of what stands in it, and that.
_LAST = {
    MEMORY: ("Reference accuracy<br>(imagenet1k Top-5)", 14, lambda row: accuracy_text(row.reference_top5)),
    ROOFLINE: ("GFLOP per image", 15, lambda row: cost_text(row.cells)),
}
# Marks stand raised; capitals, of which not all have a raised form, as they are.
_RAISED = str.maketrans("abcdefghijklmnoprstuvwxyz", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ")


def render(tables: Sequence[Table], title: str = "Benchmark", level: int = 2) -> str:
    """The whole report: a title, then for each table its conditions, the speed and the memory.

    ``level`` is that of the headings; without a ``title`` the text can stand inside another.
    """
    beside = bool(tables) and isinstance(tables[0], SideBySide)
    template = environment().get_template("side_by_side.md" if beside else "benchmark.md")
    return template.render(tables=tables, title=title, heading="#" * level, grid=_grid, notes=_notes)


def roofline(tables: Sequence[Table], level: int = 2) -> str:
    """The arithmetic of each table alone."""
    template = environment().get_template("roofline.md")
    return "".join(f"\n{template.render(table=table, heading='#' * level, grid=_grid)}\n" for table in tables)


def _notes(table: Table) -> List[str]:
    """The notes under the speed: each with its mark, or with the cells that it concerns."""
    if not table.marks:
        return table.notes()
    return [f"{letter.translate(_RAISED)} {reason}" for reason, letter in table.marked_reasons().items()]


def _grid(quantity: str, table: Table) -> str:
    """The lines of one Markdown table, its columns aligned."""
    name_width = max(_NAME_WIDTHS[quantity], *(len(row.name) for row in table.rows))
    rows = [[_cell(quantity, cell, table) for cell in row.cells] for row in table.rows]
    heads = [f"{label}<br>batch size {size}" if label else f"batch size {size}" for label, size in table.columns]
    columns = [[_escape(head), *column] for head, column in zip(heads, zip(*rows))]
    widths = [max(map(len, column)) for column in columns]
    heads, *rows = [[text.ljust(width) for text, width in zip(row, widths)] for row in zip(*columns)]
    rule = ["-" * (len(head) - 1) + ":" for head in heads]
    if quantity in _LAST:
        last, width, text = _LAST[quantity]
        heads, rule = [*heads, last], [*rule, "-" * (len(last) - 1) + ":"]
        for cells, row in zip(rows, table.rows):
            cells.append(text(row).ljust(width))
    lines: List[List[str]] = [["model".ljust(name_width), *heads], [":" + "-" * (name_width - 1), *rule]]
    lines += [[_escape(row.name).ljust(name_width), *cells] for row, cells in zip(table.rows, rows)]
    return "\n".join(f"|{'|'.join(cells)}|" for cells in lines)


def aligned(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table of texts; all columns are set to the right, as figures are."""
    lines = [[_escape(text) for text in line] for line in (heads, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    lines = [[text.rjust(width) for text, width in zip(line, widths)] for line in lines]
    lines.insert(1, ["-" * (width - 1) + ":" for width in widths])
    return "\n".join(f"|{'|'.join(line)}|" for line in lines)


def _cell(quantity: str, cell, table: Table) -> str:
    text = table.cell_text(quantity, cell)
    mark = table.mark(cell).translate(_RAISED) if quantity == SPEED else ""
    return f"{text} {mark}" if mark else text


def _escape(text: str) -> str:
    """A user's own name as it may stand in a Markdown table."""
    return text.replace("|", "\\|")
