"""Which of MXNet's two ways of training a cell asks for."""

from __future__ import annotations

from ..results.record import Cell
from .trainer import Trainer


def trainer_of(cell: Cell, symbol, iterator, seed: int = 0):
    """The trainer of the cell's frontend, set up: a Module, or a block with ``gluon.Trainer``."""
    if cell.frontend == "gluon":
        from .gluon_trainer import GluonTrainer

        return GluonTrainer(cell, symbol, iterator, seed)
    return Trainer(cell, symbol, iterator, seed)
