"""Training input: real JPEG images in RecordIO files, or one synthetic batch that is resident on the device.

A parent process calls :func:`prepare` once; the processes that measure turn its answer into an iterator with
:func:`training_iterator`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Optional, Sequence, Tuple, Union

from ..errors import UserError, nearest
from . import recordfile, standard
from .packing import pack_folder

if TYPE_CHECKING:
    import mxnet

__all__ = ["KINDS", "DataSpec", "pack_folder", "portable", "prepare", "training_iterator"]

KINDS = ("recordio", "synthetic")


@dataclass(frozen=True)
class DataSpec:
    """What the training input is; ``dataclasses.asdict`` of it is JSON.

    Attributes:
        kind: One of KINDS.
        path: The .rec file, absolute; None stands for the standard set in the cache, and is the rule for synthetic.
        num_examples: Images in one pass; 0 for synthetic.
    """

    kind: str
    path: Optional[str]
    num_examples: int

    @property
    def name(self) -> str:
        """What tables call the images."""
        if self.kind == "synthetic":
            return "synthetic, one batch that stays on the device"
        own = self.path is not None and not standard.is_standard(self.path)
        return f"{self.num_examples} samples" + (f" of {Path(self.path).name}" if own else ", generated JPEG images")


def prepare(kind: str = "recordio", data_train: Union[str, Path, None] = None, num_examples: Optional[int] = None,
            batch_size: int = 1, cache: Union[str, Path, None] = None, progress: bool = True,
            elsewhere: bool = False) -> DataSpec:
    """Make or check the training input, before anything is measured.

    Args:
        kind: One of KINDS.
        data_train: The user's own .rec file; without one the standard set is used, and made if the cache has none.
        num_examples: Images in one pass: the first ones of the file. All of them by default.
        batch_size: The largest batch that will be asked for.
        cache: The cache folder (see :func:`standard.cache_folder`).
        progress: Whether to show that the standard set is being made.
        elsewhere: Leave the standard set to the machines that measure: it is neither made nor looked for here.

    Raises:
        UserError: the file is missing, foreign, truncated or too small, or the standard set cannot be stored.
    """
    if kind not in KINDS:
        raise UserError(f"there is no input of the kind {kind!r}: {nearest(kind, KINDS)}")
    if num_examples is not None and num_examples < 1:
        raise UserError(f"the number of examples is {num_examples}: it must be at least 1")
    if kind == "synthetic":
        if data_train is not None:
            raise UserError(f"synthetic input reads no file, but {data_train} was given: leave one of the two out")
        return DataSpec(kind, None, 0)
    if data_train is None and elsewhere:
        path, available = "the standard set", standard.NUM_IMAGES
    else:
        path = Path(data_train).expanduser().resolve() if data_train else standard.make(cache, progress=progress)
        available = recordfile.check(path)
    if num_examples is not None and num_examples > available:
        raise UserError(f"{num_examples} examples were asked for, but {path} holds {available} images: ask for at most "
                        "that many")
    recordfile.check_batch_size(path, num_examples or available, batch_size)
    return DataSpec(kind, str(path) if data_train or not elsewhere else None, num_examples or available)


def portable(spec: DataSpec) -> DataSpec:
    """The same input for any machine, which makes the standard set in its own cache. A user's own file has to be on every
    machine under the same path."""
    return replace(spec, path=None) if spec.path and standard.is_standard(spec.path) else spec


def training_iterator(spec: DataSpec, batch_size: int, image_shape: Sequence[int], num_classes: int,
                      context: "Union[mxnet.Context, Sequence[mxnet.Context]]", label_name: str = "softmax_label",
                      dtype: str = "float32", seed: int = 0, threads: Optional[int] = None,
                      background: bool = True, part: Tuple[int, int] = (0, 1)) -> "mxnet.io.DataIter":
    """Batches of ``data`` (batch_size, channels, height, width) and ``label_name`` (batch_size,), without end.

    Args:
        image_shape: Channels, height and width.
        context: The device that trains, or a list of devices, the first of which holds synthetic data.
        dtype: Type of the data; labels are float32.
        seed: Decides the order of the images, or the synthetic batch.
        threads: Threads that decode; as many as there are cores by default. MXNet takes at most half of the
            processors less one, and at least one.
        background: Whether the threads that decode run at the lowest priority when ``context`` is the CPU, so that
            they fill the gaps that computing leaves.
        part: Which part of the images, from 0, and of how many: several workers together read each image once a pass.

    Raises:
        UserError: a label is not below ``num_classes``, there are fewer images than ``batch_size``, or as
            :func:`prepare`, if the file has changed since.
    """
    from . import iterators  # imports MXNet, which the processes that make images do without

    device = context[0] if isinstance(context, (list, tuple)) else context
    if spec.kind == "synthetic":
        return iterators.SyntheticIterator(batch_size, image_shape, num_classes, device, label_name, dtype, seed)
    path = spec.path or standard.make()
    return iterators.recordio_iterator(path, spec.num_examples, batch_size, image_shape, num_classes, device,
                                       label_name, dtype, seed, threads,
                                       background=background and device.device_type == "cpu", part=part)
