"""Scratch memory of cuDNN's convolutions, from the algorithms' published arithmetic.

cuDNN chooses an algorithm only when it runs, so these are bounds for today's releases; for the measurements of 2017 the
choices were read off the published table (see docs/memory.md).
"""

from __future__ import annotations

from typing import Iterator, List, NamedTuple, Sequence

from .graph import Graph
from .operators import Shape, integer, integers
from .allocator import MIB

# Winograd F(4x4, 3x3) transforms tiles of 4x4 outputs into 6x6 numbers of 4 bytes (Lavin, Gray, arXiv:1509.09308).
_WINOGRAD_TILE = 4
_WINOGRAD_BYTES = 6 * 6 * 4
# Tiled FFT: tiles of 32x32, of whose spectrum 32x17 complex numbers of 8 bytes are kept (Mathieu et al.,
# arXiv:1312.5851). Images beyond the sixteenth are worked off in turns.
_FFT_TILE = 32
_FFT_BYTES = 32 * 17 * 8
_FFT_IMAGES = 16


class _Convolution(NamedTuple):
    batch: int
    channels: int  # per group
    filters: int  # per group
    groups: int
    kernel: Shape
    stride: Shape
    out: Shape
    limit: int
    tune: str


def _convolutions(graph: Graph, shapes: Sequence[List[Shape]]) -> Iterator[_Convolution]:
    for index, node in graph.applications():
        if node.operator.name == "Convolution":
            source = node.inputs[0]
            batch, channels = shapes[source.node][source.output][:2]
            _, filters, *out = shapes[index][0]
            groups = integer(node, "num_group", 1)
            yield _Convolution(batch, channels // groups, filters // groups, groups,
                               integers(node.attributes["kernel"]),
                               integers(node.attributes.get("stride", "")) or (1, 1), tuple(out),
                               integer(node, "workspace", 1024) * MIB, node.attributes.get("cudnn_tune", ""))


def _winograd_bytes(layer: _Convolution) -> int:
    tiles = layer.batch
    for extent in layer.out:
        tiles *= -(-extent // _WINOGRAD_TILE)
    return _WINOGRAD_BYTES * (tiles * (layer.channels + layer.filters) + layer.channels * layer.filters)


def _fft_bytes(layer: _Convolution) -> int:
    images = min(layer.batch, _FFT_IMAGES)
    return _FFT_BYTES * (layer.channels * layer.filters + images * (layer.channels + layer.filters))


def _unrolled_bytes(layer: _Convolution) -> int:
    """Every image unrolled into the columns of a matrix product."""
    return 4 * layer.batch * layer.channels * layer.kernel[0] * layer.kernel[1] * layer.out[0] * layer.out[1]


def bound_bytes(graph: Graph, shapes: Sequence[List[Shape]]) -> int:
    """The most that any algorithm of any layer would take within the layer's own ``workspace`` limit.

    Kernels of 1x1 need none of them: they are matrix products as they stand.
    """
    found = [0]
    for layer in _convolutions(graph, shapes):
        if max(layer.kernel) > 1:
            sizes = [_unrolled_bytes(layer)]
            if layer.stride == (1, 1):
                sizes += [_winograd_bytes(layer), _fft_bytes(layer)]
            found.append(min(layer.limit, max(sizes)))
    return max(found)


def bytes_of_2017(graph: Graph, shapes: Sequence[List[Shape]]) -> int:
    """What cuDNN 6 took for the published table: the largest layer within its limit.

    Winograd where MXNet let cuDNN try algorithms (``cudnn_tune`` not off), for ungrouped 3x3 convolutions of more than
    64 channels; FFT where cuDNN chose by itself, for kernels of 5x5, and of 3x3 from 30 images on, over maps that fill a
    tile.
    """
    sizes = [0]
    for layer in _convolutions(graph, shapes):
        if layer.stride != (1, 1):
            continue
        if layer.tune != "off":
            if layer.kernel == (3, 3) and layer.groups == 1 and max(layer.channels, layer.filters) > 64:
                sizes.append(_winograd_bytes(layer))
        elif min(layer.out) > _FFT_TILE - 6 and (
                layer.kernel == (5, 5) or layer.kernel == (3, 3) and layer.batch >= 30):
            sizes.append(_fft_bytes(layer))
        if sizes[-1] > layer.limit:
            sizes.pop()
    return max(sizes)
