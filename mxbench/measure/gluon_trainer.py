"""Trains one network the way a user of Gluon does: a hybridized block, ``autograd`` and ``gluon.Trainer``."""

from __future__ import annotations

from typing import Callable, Dict, List

from ..errors import UserError
from ..gluon import get_block, parameters
from ..results.record import Cell
from ..runtime import mx
from .initializer import Xavier
from .trainer import contexts, optimizer_options


class GluonTrainer:
    """A hybridized block with parameters and optimizer, ready to train from an endless iterator.

    ``symbol`` is the same network as a Symbol: it says which shapes and which initial values the parameters have, so
    that training starts from where a Module would start it. As there, biases and betas do not decay.

    Raises:
        UserError: MXNet has no such optimizer, or the block is not the network of the symbol.
    """

    def __init__(self, cell: Cell, symbol, iterator, seed: int = 0):
        options = dict(optimizer_options(cell))
        self._cell, self._iterator = cell, iterator
        self._contexts = contexts(cell.devices)
        self._metric = mx.metric.create(["acc", "ce"])
        self._loss = mx.gluon.loss.SoftmaxCrossEntropyLoss()
        self.block = _block(cell)
        trained = _initialize(self.block, symbol, cell, seed, self._contexts)
        self._parameter_count = sum(_size(one) for one in trained if not one.name.endswith(("mean", "var")))
        for part in (self.block, self._loss):
            part.hybridize(static_alloc=True, static_shape=True)
        self._trainer = mx.gluon.Trainer(trained, cell.optimizer, options, kvstore=cell.kv_store)

    def fit(self, batch_end_callback: Callable) -> None:
        """Train until ``batch_end_callback`` raises: forward, backward, update, metric, callback for every batch."""
        for number, batch in enumerate(self._iterator):
            outputs, labels = self._step(batch)
            self._metric.update(labels, outputs)
            batch_end_callback(mx.model.BatchEndParam(epoch=0, nbatch=number, eval_metric=self._metric, locals=None))

    def parameter_count(self) -> int:
        """Number of trained parameters, without auxiliary states."""
        return self._parameter_count

    def images_per_device(self) -> List[int]:
        """How many images of a batch each device has: Gluon gives the first devices one more where it must."""
        each, more = divmod(self._cell.batch_size, len(self._contexts))
        return [each + (number < more) for number in range(len(self._contexts))]

    def _step(self, batch) -> tuple:
        """Train on one batch; returns the probabilities and the labels of each device."""
        images, labels = map(self._share_out, (batch.data[0], batch.label[0]))
        with mx.autograd.record():
            # Half precision is too coarse for the loss.
            outputs = [self.block(part).astype("float32", copy=False) for part in images]
            losses = [self._loss(output, label) for output, label in zip(outputs, labels)]
        mx.autograd.backward(losses)
        self._trainer.step(self._cell.batch_size)
        return [mx.nd.softmax(output) for output in outputs], labels

    def _share_out(self, array) -> list:
        return mx.gluon.utils.split_and_load(array, self._contexts, even_split=False)


def _block(cell: Cell):
    block = get_block(cell.network, cell.num_classes)
    block.cast(cell.dtype)
    return block


def _initialize(block, symbol, cell: Cell, seed: int, devices: list) -> list:
    """Give the block's parameters the values that a Module would start from; returns them, in the Symbol's order."""
    shapes = parameters.shapes(symbol, cell.image_shape)
    own = block.collect_params()
    names = {name.partition(":")[2]: name for name in shapes}
    if set(names) <= set(own.keys()):  # traced from the block itself
        named: Dict[str, str] = {name: plain for plain, name in names.items()}
    else:
        named = parameters.match(list(shapes), list(own.keys()))
    initializer, attributes, trained = Xavier(seed), symbol.attr_dict(), []
    for name, shape in shapes.items():
        parameter, values = own[named[name]], mx.nd.zeros(shape)
        plain = name.partition(":")[2]
        initializer(mx.init.InitDesc(plain, attributes.get(plain)), values)
        try:
            parameter.shape = shape
        except AssertionError:
            raise UserError(f"{cell.network} as a Gluon block has another shape than {shape} for {parameter.name} at "
                            f"images of {','.join(map(str, cell.image_shape))}: choose --frontend symbol") from None
        parameter.initialize(mx.init.Zero(), ctx=devices, force_reinit=True)
        parameter.set_data(values)
        if parameter.name.endswith(("bias", "beta")):
            parameter.wd_mult = 0.0
        trained.append(parameter)
    return trained


def _size(parameter) -> int:
    size = 1
    for extent in parameter.shape:
        size *= extent
    return size
