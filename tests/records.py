"""Measured records for tests of what is made of them."""

import dataclasses

from mxbench.results.record import OK, Cell, Memory, Record, Scaling, Speed, Window


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


def team(workers, speed, communicate=0.3, servers=None, hosts=None, network="resnet-50", batch_size=32, **fields):
    """A measured record of workers that train together: 6.2 s of compute, 0.05 s of input, 100 MB of gradients.

    ``speed`` is that of all workers; they are on hosts of their own, or on those that are given.
    """
    hosts = tuple(f"host{number}" for number in range(workers)) if hosts is None else hosts
    found = Scaling(batch_size * workers / speed, 6.2, communicate, 0.05, 100_000_000, 100_500_000, 100_250_000,
                    (speed / workers,) * workers, hosts)
    return record(network, batch_size, speed, workers=workers, servers=workers if servers is None else servers,
                  **{"kv_store": "dist_sync", "scaling": found, "interval": (0.98 * speed, 1.02 * speed), **fields})
