"""The memory table of 2017 from first principles: predicted cells, the one fitted constant, errors."""

from __future__ import annotations

import json
import os
import statistics
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple, Union

from ..errors import UserError
from .edits import cut
from .graph import load
from .memory import Prediction, Predictor

# What the published table's card, a Maxwell TITAN X of 12 GiB, shows to CUDA.
TITAN_X_MIB = 12206
_CLASSES = 10


@dataclass(frozen=True)
class Cell:
    """One cell of the published table; ``published_mib`` is None where it says out of memory.

    ``bare_mib`` is the prediction without the context.
    """

    network: str
    batch_size: int
    published_mib: Optional[float]
    bare_mib: float

    def error(self, context_mib: float) -> float:
        """Relative error of the prediction with that context; positive if it is too large."""
        return (self.bare_mib + context_mib) / self.published_mib - 1


def read(path: Union[str, "os.PathLike[str]"]) -> List[dict]:
    """The records of a results file, one JSON object a line.

    Raises:
        UserError: it cannot be read.
    """
    try:
        with open(path, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.strip()]
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}): give the published table as a results file") from error


def cells(records: Sequence[dict], graphs: Dict[str, object], mxnet: str = "0.11") -> List[Cell]:
    """Predict every cell of the table.

    Args:
        records: Of the published table.
        graphs: A source for :func:`mxbench.predict.load`, by network name.
        mxnet: The release whose rules predict.
    """
    predictors: Dict[Tuple, Predictor] = {}
    found = []
    for record in records:
        asked = record["cell"]
        key = asked["network"], tuple(asked["image_shape"])
        if key not in predictors:
            predictors[key] = Predictor(cut(load(graphs[key[0]]), _CLASSES), key[1], mxnet=mxnet, kv_store="object",
                                        context_mib=0)
        published = record["memory"]["mib"] if record["status"] == "ok" else None
        found.append(Cell(asked["network"], asked["batch_size"], published,
                          predictors[key].predict(asked["batch_size"]).low_mib))
    return found


def fit_context_mib(known: Sequence[Cell]) -> float:
    """The constant that makes half of the cells too large and half too small, relative errors weighing alike."""
    return statistics.median(cell.published_mib - cell.bare_mib for cell in known)


@dataclass(frozen=True)
class Errors:
    """Absolute relative errors over a set of cells: median, 90th percentile, maximum."""

    median: float
    p90: float
    largest: float


def summarise(errors: Sequence[float]) -> Errors:
    """Median, 90th percentile (of which a tenth of the cells is worse) and maximum of the absolute errors."""
    ordered = sorted(abs(error) for error in errors)
    return Errors(statistics.median(ordered), ordered[-(-9 * len(ordered) // 10) - 1], ordered[-1])


def leave_one_network_out(known: Sequence[Cell]) -> Dict[Tuple[str, int], float]:
    """The error of each cell when the constant is fitted to the other networks alone."""
    errors = {}
    for network in dict.fromkeys(cell.network for cell in known):
        context = fit_context_mib([cell for cell in known if cell.network != network])
        errors.update({(cell.network, cell.batch_size): cell.error(context)
                       for cell in known if cell.network == network})
    return errors


def verdict(cell: Cell, context_mib: float) -> str:
    """Whether the cell fits the table's card: ``fits``, ``marginal`` or ``out of memory``."""
    total = cell.bare_mib + context_mib
    return Prediction(cell.batch_size, total, total, {}).verdict(TITAN_X_MIB)
