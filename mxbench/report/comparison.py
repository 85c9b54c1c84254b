"""Renders two runs side by side: as Markdown for readers, as CSV and JSON for programs."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ..results.comparison import Comparison
from ..results.overall import Mean, Ranking, geometric_mean, rankings
from ..results.runs import Match, Pair, value_text
from ..results.summary import Summary
from .tables import Table, memory_text, speed_text, table

Sides = Tuple[str, str]  # what the two runs are called


def render(form: str, matches: Sequence[Match], sides: Sides, published: bool = False) -> str:
    """The comparison as ``markdown``, ``csv`` or ``json``; ``published`` adds how far the order of networks held."""
    if form == "markdown":
        return "\n".join(["# Comparison\n", *(_markdown(match, sides, published) for match in matches)])
    rows = [{"group": number, **_row(pair)} for number, match in enumerate(matches, start=1) for pair in match.pairs]
    if form == "csv":
        return _csv(rows)
    return json.dumps({
        "first": sides[0], "second": sides[1], "cells": rows,
        "groups": [{"group": number, **_group(match, published)} for number, match in enumerate(matches, start=1)],
    }, indent=2, allow_nan=False) + "\n"


# Markdown


def _markdown(match: Match, sides: Sides, published: bool) -> str:
    lines = [f"- {letter}: {side}" for letter, side in zip("AB", sides)]
    if match.pairs:
        first, second = (table([getattr(pair, side) for pair in match.pairs]) for side in ("first", "second"))
        lines += _heading(first, second) + [f"- differs: {name} ({value_text(one)} against {value_text(other)})"
                                            for name, (one, other) in match.across if not published]
        lines += ["", *_totals(match, published), "", *_grid(match.pairs, published)]
    notes = [ranking_text(ranking) for ranking in rankings(match.pairs)] if published else []
    notes += _notes(match, published)
    return "\n".join(lines + ["", *(f"- {note}" for note in notes)] * bool(notes)) + "\n"


def _heading(first: Table, second: Table) -> List[str]:
    """The conditions: once where they are the same, else of either run."""
    ours, theirs = ([one.device(), *one.conditions()] for one in (first, second))
    if ours == theirs:
        return [f"- both: {line}" for line in ours]
    return [f"- {letter}: {line}" for letter, lines in (("A", ours), ("B", theirs)) for line in lines]


def _totals(match: Match, published: bool) -> List[str]:
    """How many cells came out how, and the geometric means."""
    counts = Counter(pair.verdict for pair in match.pairs)
    counted = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    memory = Counter(pair.memory.verdict for pair in match.pairs if pair.memory)
    lines = [] if published else [f"Speed: {counted}.{_memory_counts(memory)}"]
    means = {what: mean for what, mean in _means(match).items() if mean}
    return lines + [f"Geometric mean of {what} B/A: {_mean_text(mean)}." for what, mean in means.items()]


def _memory_counts(counts: Counter) -> str:
    return f" Memory: {', '.join(f'{count} {verdict}' for verdict, count in counts.most_common())}." if counts else ""


def _means(match: Match) -> Dict[str, Optional[Mean]]:
    return {
        "speed": geometric_mean(match.pairs, lambda pair: pair.speed.ratio if pair.speed else None),
        "memory": geometric_mean(match.pairs, lambda pair: pair.memory.ratio if pair.memory else None),
    }


def _mean_text(mean: Mean) -> str:
    interval = f" ({mean.interval[0]:.3f} to {mean.interval[1]:.3f})" if mean.interval else ""
    return f"{mean.ratio:.3f}{interval} over {mean.networks} network{'s' * (mean.networks != 1)}"


_COLUMNS = ["model", "batch size", "A images/sec", "B images/sec", "B/A", "95 % interval", "speed",
            "A MiB", "B MiB", "B/A", "memory"]
_VERDICTS = (5, 6, 10)  # columns without a meaning where one side has no interval at all


def _grid(pairs: Sequence[Pair], published: bool) -> List[str]:
    """The lines of a Markdown table, one row a cell, its columns aligned."""
    rows = [_COLUMNS, *(_cells(pair) for pair in pairs)]
    if published:
        rows = [[cell for column, cell in enumerate(row) if column not in _VERDICTS] for row in rows]
    words = {column for column, name in enumerate(rows[0]) if name in ("model", "speed", "memory", "95 % interval")}
    widths = [max(map(len, column)) for column in zip(*rows)]
    aligned = [[text.ljust(width) if column in words else text.rjust(width)
                for column, (text, width) in enumerate(zip(row, widths))] for row in rows]
    dashes = ["-" * (width - 1) for width in widths]
    rule = [f":{dash}" if column in words else f"{dash}:" for column, dash in enumerate(dashes)]
    return [f"|{'|'.join(row)}|" for row in (aligned[0], rule, *aligned[1:])]


def _cells(pair: Pair) -> List[str]:
    speed, memory = pair.speed, pair.memory
    return [
        pair.first.display_name, str(pair.first.cell.batch_size), speed_text(pair.first), speed_text(pair.second),
        f"{speed.ratio:.3f}" if speed else "", _interval_text(pair), pair.verdict,
        memory_text(pair.first), memory_text(pair.second), f"{memory.ratio:.3f}" if memory else "",
        memory.verdict if memory else "",
    ]


def _interval_text(pair: Pair) -> str:
    known = _finite(pair.speed)
    return f"{known[0]:.3f} to {known[1]:.3f}" if known else ""


def _finite(found: Optional[Comparison]) -> Optional[Tuple[float, float]]:
    """The interval of a comparison, None where nothing is known of either end."""
    return found.interval if found and math.isfinite(found.interval[1]) else None


def _notes(match: Match, published: bool) -> List[str]:
    found = {
        "only in A": () if published else match.only_first, "only in B": match.only_second,
        "the very same measurement in both": [pair.first for pair in match.pairs if pair.identical],
        "the network's definition differs": [pair.first for pair in match.pairs if pair.redefined],
    }
    count = len(match.pairs)
    return [f"{note}: {_names(cells, count)}" for note, cells in found.items() if cells]


def _names(cells: Sequence[Summary], count: int) -> str:
    """The cells in few words: ``all 16 cells``, or each network with its batch sizes."""
    if len(cells) == count > 1:
        return f"all {count} cells"
    sizes: Dict[str, List[str]] = {}
    for cell in cells:
        sizes.setdefault(cell.display_name, []).append(str(cell.cell.batch_size))
    return "; ".join(f"{name} {', '.join(found)}" for name, found in sizes.items())


def _name(cell: Summary) -> str:
    return f"{cell.display_name} {cell.cell.batch_size}"


def ranking_text(ranking: Ranking) -> str:
    """The order of networks by speed in one sentence."""
    known = ranking.spearman is not None
    found = f"Spearman {ranking.spearman:.3f}, Kendall {ranking.kendall:.3f}" if known else "no order"
    moved = ", ".join(f"{name} {before} to {after}" for name, before, after in ranking.moved)
    return (f"order by speed at batch size {ranking.batch_size}: {found} over {len(ranking.places)} networks; "
            f"changed places: {moved or 'none'}")


# CSV and JSON


def _row(pair: Pair) -> Dict[str, Any]:
    """One cell for a program; None where there is no figure."""
    speed, memory = pair.speed, pair.memory
    low, high = _finite(speed) or (None, None)
    return {
        "network": pair.first.cell.network, "batch_size": pair.first.cell.batch_size, "verdict": pair.verdict,
        "images_per_second_a": pair.first.images_per_second, "images_per_second_b": pair.second.images_per_second,
        "speed_ratio": speed.ratio if speed else None, "speed_ratio_low": low, "speed_ratio_high": high,
        "memory_mib_a": pair.first.memory_mib, "memory_mib_b": pair.second.memory_mib,
        "memory_ratio": memory.ratio if memory else None, "memory_verdict": memory.verdict if memory else None,
    }


def _csv(rows: Sequence[Dict[str, Any]]) -> str:
    file = io.StringIO()
    if rows:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return file.getvalue()


def _group(match: Match, published: bool) -> Dict[str, Any]:
    """What is said of the cells of a group together."""
    found = {
        "differs": {name: list(values) for name, values in match.across},
        "geometric_mean": {what: mean and mean._asdict() for what, mean in _means(match).items()},
        "only_a": [_name(cell) for cell in match.only_first], "only_b": [_name(cell) for cell in match.only_second],
    }
    if published:
        found["rankings"] = [ranking._asdict() for ranking in rankings(match.pairs)]
    return found
