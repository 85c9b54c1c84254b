"""Figures that set something beside the table of 2017."""

from __future__ import annotations

from dataclasses import asdict

from ...errors import UserError
from ...predict import published as prediction
from ...results.published import records as published_records
from ...results.summary import summarise
from ...symbols.export import json_path
from ...symbols.registry import ZOO_NAMES
from ..tables import Table, table
from . import rows


def compared_with_published(ours: Table) -> rows.Rows:
    """Speed over that of the published table."""
    theirs = table(summarise(published_records())[0])
    if ours.example == theirs.example:
        raise UserError("this is the published table itself")
    return rows.against_published(ours, theirs)


def reproduction(theirs: Table) -> rows.Rows:
    """Predicted over published memory, of the published table alone: other results say what was predicted for them."""
    if theirs.example.software.get("mxnet"):
        raise UserError("only for the published table of 2017")
    records = [record for summary in theirs.summaries for record in summary.records]
    cells = prediction.cells([asdict(record) for record in records], {name: json_path(name) for name in ZOO_NAMES})
    known = [cell for cell in cells if cell.published_mib is not None]
    context_mib = prediction.fit_context_mib(known)
    names = {summary.cell.network: summary.display_name for summary in theirs.summaries}
    return rows.reproduction(theirs.headline(), [
        (names[cell.network], cell.batch_size, 1 + cell.error(context_mib)) for cell in known
    ])
