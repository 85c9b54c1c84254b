"""What training a network will take on a device, of what, and the largest batch that fits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

from ..errors import UserError, nearest
from .allocator import MIB, device_bytes, pool_bytes
from .edits import to_float16
from .gradient import MIRRORING, TrainingGraph, differentiate
from .graph import Graph
from .operators import Shape, elements
from .plan import Plan, plan
from .rules import MXNET_0_10, MXNET_0_11, MXNET_1_9, Rules
from .shapes import check_batch_size, element_bytes, infer
from .workspace import bound_bytes, bytes_of_2017

RELEASES: Dict[str, Rules] = {rules.name: rules for rules in (MXNET_1_9, MXNET_0_11, MXNET_0_10)}

DEVICES = ("gpu", "cpu")

# Arrays of a weight's size that an optimizer keeps for each weight; with momentum 0, sgd and its kin keep none.
_STATES = {"sgd": 1, "nag": 1, "signum": 1, "lars": 1, "rmsprop": 1, "adam": 2, "ftrl": 2}
_MOMENTUM = ("sgd", "nag", "signum", "lars")
OPTIMIZERS = tuple(_STATES)
# These update float16 weights in one operator; the others go through temporary float32 arrays.
_FLOAT16_OPTIMIZERS = ("sgd", "nag")

DTYPES = ("float32", "float16")

# CUDA context with MXNet's, cuDNN's and cuBLAS's kernels and handles, as far apart as cards and drivers are.
CONTEXT_MIB = (300.0, 800.0)
# The one fitted number of the model of 2017: context and kernels on the published table's card (see docs/memory.md).
CONTEXT_2017_MIB = 268.0


# The one fitted number of the model for CPUs: code pages and primitives that MXNet and oneDNN load while they train.
LIBRARIES_MIB = 45.0

FITS, MARGINAL, OUT_OF_MEMORY = "fits", "marginal", "out of memory"

# A prediction within this part of the device's memory is on the edge: drivers and allocators differ by as much.
_MARGIN = 0.01


@dataclass(frozen=True)
class Prediction:
    """Memory of training in MiB, as an interval.

    ``parts`` maps weights, gradients, optimizer state, kvstore, auxiliary, input, activations, workspace and context to
    their intervals (low, high); low and high are equal but for what is unknown before running. ``rounding`` is what
    a GPU's allocator adds; on a CPU, ``libraries`` takes the place of the context.
    """

    batch_size: int
    low_mib: float
    high_mib: float
    parts: Dict[str, Tuple[float, float]]

    @property
    def mib(self) -> float:
        """The middle of the interval."""
        return (self.low_mib + self.high_mib) / 2

    def verdict(self, memory_mib: float) -> str:
        """``fits``, ``out of memory``, or ``marginal`` where the unknown parts or one percent decide."""
        if self.low_mib > memory_mib * (1 + _MARGIN):
            return OUT_OF_MEMORY
        return FITS if self.high_mib <= memory_mib * (1 - _MARGIN) else MARGINAL


def predict_memory(graph: Graph, batch_size: int, image_shape: Sequence[int], device: str = "gpu",
                   mxnet: str = "1.9.1", optimizer: str = "sgd", momentum: float = 0.9,
                   kv_store: Optional[object] = "device", dtype: str = "float32",
                   context_mib: Optional[float] = None, workspace_mib: Optional[float] = None,
                   mirroring: str = "marked") -> Prediction:
    """Predict the memory of training one network on one device.

    Args:
        graph: The network, from :func:`mxbench.predict.load`.
        batch_size: Images in a batch.
        image_shape: (channels, height, width).
        device: ``gpu``; or ``cpu``, for the high-water mark of resident memory over what the process held before.
        mxnet: ``1.9.1``, or ``0.11`` or ``0.10`` on a GPU of 2017, as for the table published then.
        optimizer: One of ``OPTIMIZERS``.
        momentum: Of sgd and its kin; 0 saves their state.
        kv_store: A name or None, with which one device keeps no copy of the weights; or ``object`` (or any
            KVStore object), which keeps one.
        dtype: ``float32``, or ``float16`` with a float32 copy of the weights (multi-precision).
        context_mib: What the CUDA context takes, if known.
        workspace_mib: What cuDNN's workspace takes, if known.
        mirroring: What is computed again in the backward pass, one of ``MIRRORING``: the layers ``marked`` with
            ``__force_mirroring__``; ``all`` cheap ones too, as with MXNET_BACKWARD_DO_MIRROR=1; ``none``.

    Raises:
        UserError: an argument is not possible, or the network cannot take such images.
    """
    return Predictor(graph, image_shape, device, mxnet, optimizer, momentum, kv_store, dtype, context_mib,
                     workspace_mib, mirroring).predict(batch_size)


def largest_batch_size(graph: Graph, image_shape: Sequence[int], memory_mib: float, **options) -> int:
    """The largest batch size that fits into ``memory_mib`` for certain; 0 if not even one image does.

    Args:
        options: As for :func:`predict_memory`.
    """
    return Predictor(graph, image_shape, **options).largest_batch_size(memory_mib)


class Predictor:
    """Predictions of one network at any batch size; takes the arguments of :func:`predict_memory`."""

    def __init__(self, graph: Graph, image_shape: Sequence[int], device: str = "gpu", mxnet: str = "1.9.1",
                 optimizer: str = "sgd", momentum: float = 0.9, kv_store: Optional[object] = "device",
                 dtype: str = "float32", context_mib: Optional[float] = None, workspace_mib: Optional[float] = None,
                 mirroring: str = "marked"):
        _check("device", device, DEVICES)
        _check("MXNet release", mxnet, RELEASES)
        if device == "cpu" and mxnet != MXNET_1_9.name:
            raise UserError(f"training on a CPU is predicted for MXNet {MXNET_1_9.name} only, not {mxnet}")
        _check("optimizer", optimizer, OPTIMIZERS)
        _check("dtype", dtype, DTYPES)
        _check("mirroring", mirroring, MIRRORING)
        if dtype == "float16" and optimizer not in _FLOAT16_OPTIMIZERS:
            raise UserError(f"{optimizer} in float16 keeps temporary arrays that predictions do not know: "
                            f"choose {' or '.join(_FLOAT16_OPTIMIZERS)}, or dtype float32")
        for name, value in (("context", context_mib), ("workspace", workspace_mib)):
            if value is not None and value < 0:
                raise UserError(f"{name} of {value} MiB is not possible: give 0 or more")
        self.graph = to_float16(graph) if dtype == "float16" else graph
        self.image_shape, self.device = tuple(image_shape), device
        self.rules = RELEASES[mxnet]
        self.states = 0 if optimizer in _MOMENTUM and not momentum else _STATES[optimizer]
        self.stores_weights = kv_store is not None and (not isinstance(kv_store, str) or kv_store == "object")
        self.context_mib, self.workspace_mib = context_mib, workspace_mib
        self.training: TrainingGraph = differentiate(self.graph, self.rules, mirroring)
        self._known: Dict[int, Prediction] = {}

    def shapes(self, batch_size: int) -> List[List[Shape]]:
        """Shapes of all entries of the network."""
        return infer(self.graph, batch_size, self.image_shape)

    def plan(self, batch_size: int) -> Plan:
        """The memory plan at that batch size."""
        return plan(self.training, self.shapes(batch_size), self.rules)

    def predict(self, batch_size: int) -> Prediction:
        """The prediction at that batch size."""
        check_batch_size(batch_size)
        if batch_size not in self._known:
            self._known[batch_size] = self._predict(batch_size)
        return self._known[batch_size]

    def largest_batch_size(self, memory_mib: float) -> int:
        """The largest batch size that fits into ``memory_mib`` for certain; 0 if not even one image does."""

        def fits(batch_size: int) -> bool:
            return self.predict(batch_size).verdict(memory_mib) == FITS

        if not fits(1):
            return 0
        largest, over = 1, 2
        while fits(over):
            largest, over = over, over * 2
        while over - largest > 1:
            middle = (largest + over) // 2
            largest, over = (middle, over) if fits(middle) else (largest, middle)
        return largest

    def _predict(self, batch_size: int) -> Prediction:
        shapes = self.shapes(batch_size)
        arrays = self._arrays(shapes)
        arrays["activations"] = self.plan(batch_size).used
        parts = {name: (sum(sizes) / MIB,) * 2 for name, sizes in arrays.items()}
        sizes = [size for part in arrays.values() for size in part]
        if self.device == "gpu":
            total = (pool_bytes if self.rules is MXNET_1_9 else device_bytes)(sizes)
            parts["rounding"] = ((total - sum(sizes)) / MIB,) * 2
            parts["workspace"] = self._workspace(shapes)
            parts["context"] = self._context()
        else:
            # oneDNN reorders tensors into its own layout, one at a time.
            parts["workspace"] = (max(arrays["activations"], default=0) / MIB,) * 2
            parts["libraries"] = (LIBRARIES_MIB,) * 2
        low, high = (sum(part[end] for part in parts.values()) for end in (0, 1))
        return Prediction(batch_size, low, high, parts)

    def _arrays(self, shapes: List[List[Shape]]) -> Dict[str, List[int]]:
        """Bytes of every array outside the plan."""
        roles, widths = self.graph.roles(), element_bytes(self.graph)
        counts = [(roles[index], elements(shapes[index][0]), widths[index]) for index in sorted(roles)]
        weights = [count * width for role, count, width in counts if role == "parameter"]
        states = [4 * count for role, count, width in counts if role == "parameter"] * self.states
        masters = [4 * count for role, count, width in counts if role == "parameter" and width == 2]
        auxiliary = [4 * count for role, count, _ in counts if role == "auxiliary"]
        # Module keeps parameters and auxiliary states in main memory too, where on a CPU they count.
        copies = 2 if self.device == "cpu" else 1
        return {
            "weights": weights * copies,
            "gradients": list(weights),
            "optimizer state": states + masters,
            "kvstore": list(weights) if self.stores_weights else [],
            "auxiliary": auxiliary * copies,
            "input": [4 * count for role, count, _ in counts if role in ("data", "label")],
        }

    def _workspace(self, shapes: List[List[Shape]]) -> Tuple[float, float]:
        if self.workspace_mib is not None:
            return self.workspace_mib, self.workspace_mib
        if self.rules is not MXNET_1_9:
            return (bytes_of_2017(self.graph, shapes) / MIB,) * 2
        return 0.0, bound_bytes(self.graph, shapes) / MIB

    def _context(self) -> Tuple[float, float]:
        if self.context_mib is not None:
            return self.context_mib, self.context_mib
        return CONTEXT_MIB if self.rules is MXNET_1_9 else (CONTEXT_2017_MIB,) * 2


def _check(what: str, given: str, allowed) -> None:
    if given not in allowed:
        raise UserError(f"{what} {given} is not known: {nearest(str(given), allowed)}")
