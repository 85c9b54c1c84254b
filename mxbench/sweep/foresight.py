"""What the cells of a sweep will take, predicted before any is run: a word of warning, and the doubtful ones last."""

from __future__ import annotations

from typing import Callable, Dict, List, Optional, Sequence

import psutil

from .. import predict
from ..errors import UserError
from ..results.record import Cell, Predicted
from ..symbols import Network
from ..symbols.export import graph_of
from .devices import Devices

_MIB = 2**20


def foresee(cells: Sequence[Cell], networks: Sequence[Network]) -> Dict[Cell, Predicted]:
    """The memory of one device for every cell that can be predicted.

    A network that does not come with mxbench, which only MXNet could build, and one with an operator or an optimizer that
    predictions do not know have none, nor have workers that leave their optimizer to a parameter server.
    """
    predictors: Dict[tuple, Optional[predict.Predictor]] = {}
    known = {network.name: network for network in networks if not network.source}
    found = {}
    for cell in cells:
        key = (cell.network, cell.protocol, cell.image_shape)
        if cell.network in known and key not in predictors and not cell.is_distributed:
            predictors[key] = _predictor(cell, known[cell.network])
        predictor = predictors.get(key)
        if predictor is not None:
            prediction = predictor.predict(-(-cell.batch_size // len(cell.devices)))
            found[cell] = Predicted(round(prediction.low_mib, 1), round(prediction.high_mib, 1))
    return found


def order(cells: Sequence[Cell], predicted: Dict[Cell, Predicted], room_mib: float,
          tell: Callable[[str], None]) -> List[Cell]:
    """The cells with those last that will not fit; ``tell`` is given a line for each of these."""
    doomed = [cell for cell in cells if cell in predicted and predicted[cell].low_mib > room_mib]
    for cell in doomed:
        tell(f"warning: {cell.network} batch {cell.batch_size} will take about {predicted[cell].low_mib:,.0f} MiB, but there "
             f"are {room_mib:,.0f} MiB: it comes last and will probably run out of memory")
    return [cell for cell in cells if cell not in set(doomed)] + doomed


def room_mib(found: Devices, memory_limit: int) -> float:
    """Memory of the smallest device: a GPU's own, or what the host has free or is allowed to give."""
    if found.gpus:
        return min(gpu.memory_bytes for gpu in found.gpus) / _MIB
    available = psutil.virtual_memory().available / _MIB
    return min(available, memory_limit / _MIB) if memory_limit else available


def _predictor(cell: Cell, network: Network) -> Optional[predict.Predictor]:
    published = cell.protocol == "published"
    graph = predict.load(graph_of(network))
    try:
        return predict.Predictor(
            predict.cut(graph, cell.num_classes) if published else graph, cell.image_shape,
            device="gpu" if cell.on_gpu else "cpu", optimizer=cell.optimizer.lower(), momentum=cell.mom,
            kv_store="object" if published else cell.kv_store, dtype=cell.dtype,
        )
    except UserError:
        return None
