"""Measured records for tests of what is made of them."""

import dataclasses

from mxbench.results.record import OK, Cell, Memory, Record, Speed, Window


def record(network="caffenet", batch_size=10, speed=100.0, memory=500.0, interval=None, status=OK, verdict="stable",
           **fields):
    """A measured record; fields of the cell may be given by their names."""
    names = {field.name for field in dataclasses.fields(Cell)}
    cell = Cell(network, batch_size, **{name: fields.pop(name) for name in list(fields) if name in names})
    finished = status == OK
    windows = (Window(batch_size, batch_size / speed),) * 8
    return Record(
        cell, status,
        speed=Speed(speed, interval, windows=windows, verdict=verdict) if finished else None,
        memory=Memory(memory) if finished else None,
        **{"machine": {"cpu": "Some CPU", "cores": 2, "memory_gib": 24}, "software": {"mxnet": "mxnet 1.9.1"},
           **fields},
    )
