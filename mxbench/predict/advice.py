"""What would make a network fit: changes to the training, each with the memory that it leads to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Sequence

from .graph import Graph
from .memory import Prediction, Predictor


@dataclass(frozen=True)
class Advice:
    """One change and the prediction under it."""

    change: str
    prediction: Prediction


def advise(graph: Graph, batch_size: int, image_shape: Sequence[int], memory_mib: float, **options) -> List[Advice]:
    """Changes that lower the upper bound of the prediction, most sparing first.

    Args:
        graph: The network.
        batch_size: Images in a batch.
        image_shape: (channels, height, width).
        memory_mib: What the device has.
        options: As for :func:`mxbench.predict.predict_memory`.
    """
    here = Predictor(graph, image_shape, **options)
    now = here.predict(batch_size).high_mib
    found = []
    largest = here.largest_batch_size(memory_mib)
    if 0 < largest < batch_size:
        found.append(Advice(f"--batch-size {largest}", here.predict(largest)))
    changes = {"MXNET_BACKWARD_DO_MIRROR=1": {"mirroring": "all"}, "--dtype float16": {"dtype": "float16"},
               "--optimizer sgd --mom 0": {"optimizer": "sgd", "momentum": 0.0},
               "a KVStore given by name": {"kv_store": None}}
    for change, values in changes.items():
        if values.get("dtype") == "float16" and options.get("optimizer", "sgd") not in ("sgd", "nag"):
            continue
        prediction = Predictor(graph, image_shape, **{**options, **values}).predict(batch_size)
        if prediction.high_mib < now:
            found.append(Advice(change, prediction))
    return sorted(found, key=lambda advice: advice.prediction.high_mib)
