"""Renders tables as Markdown, in the form in which the table of 2017 was published."""

from __future__ import annotations

from typing import List, Sequence

import jinja2

from .tables import Table, accuracy_text, memory_text, speed_text

# Widths of the first column as published: one is wider than its names, the other fits them.
_NAME_WIDTHS = {"speed": 31, "memory": 17}
_ACCURACY = "Reference accuracy<br>(imagenet1k Top-5)"
_ACCURACY_CELL_WIDTH = 14


def render(tables: Sequence[Table], title: str = "Benchmark", level: int = 2) -> str:
    """The whole report: a title, then for each table its conditions, the speed and the memory.

    ``level`` is that of the headings; without a ``title`` the text can stand inside another.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("mxbench.report"), trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, undefined=jinja2.StrictUndefined, autoescape=False,
    )
    template = environment.get_template("benchmark.md")
    return template.render(tables=tables, title=title, heading="#" * level, grid=_grid)


def _grid(what: str, table: Table) -> str:
    """The lines of one Markdown table, its columns aligned."""
    name_width = max(_NAME_WIDTHS[what], *(len(row.name) for row in table.rows))
    rows = [[_cell(what, cell, table) for cell in row.cells] for row in table.rows]
    columns = [[f"batch size {size}", *column] for size, column in zip(table.batch_sizes, zip(*rows))]
    widths = [max(map(len, column)) for column in columns]
    heads, *rows = [[text.ljust(width) for text, width in zip(row, widths)] for row in zip(*columns)]
    rule = ["-" * (len(head) - 1) + ":" for head in heads]
    if what == "memory":
        heads, rule = [*heads, _ACCURACY], [*rule, "-" * (len(_ACCURACY) - 1) + ":"]
        for cells, row in zip(rows, table.rows):
            cells.append(accuracy_text(row.reference_top5).ljust(_ACCURACY_CELL_WIDTH))
    lines: List[List[str]] = [["model".ljust(name_width), *heads], [":" + "-" * (name_width - 1), *rule]]
    lines += [[row.name.ljust(name_width), *cells] for row, cells in zip(table.rows, rows)]
    return "\n".join(f"|{'|'.join(cells)}|" for cells in lines)


def _cell(what: str, cell, table: Table) -> str:
    return speed_text(cell, table.spread) if what == "speed" else memory_text(cell, table.predicted)
