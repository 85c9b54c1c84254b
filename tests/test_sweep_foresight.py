"""Before a sweep runs, its cells are predicted: what will not fit is named and comes last."""

import dataclasses

import pytest

from mxbench.cuda import Gpu
from mxbench.results.record import Cell
from mxbench.sweep.devices import Devices
from mxbench.sweep.foresight import foresee, order, room_mib
from mxbench.symbols import Network, get_network

CPU = Devices(("cpu(0)",))
NETWORKS = [get_network(name) for name in ("vgg16", "nin")]
CELLS = [Cell(network.name, size, image_shape=network.image_shape) for network in NETWORKS for size in (10, 20)]


def gpu(memory_mib):
    return Devices(("gpu(0)",), (Gpu(0, "Some GPU", memory_mib * 2**20, (6, 1), "0000:01:00.0"),))


def test_every_cell_of_the_zoo_is_predicted_and_grows_with_the_batch():
    found = foresee(CELLS, NETWORKS)
    assert list(found) == CELLS
    assert found[CELLS[0]].low_mib < found[CELLS[1]].low_mib


def test_what_will_not_fit_is_told_and_comes_last():
    on_gpu = [dataclasses.replace(cell, devices=("gpu(0)",)) for cell in CELLS]
    predicted = foresee(on_gpu, NETWORKS)
    room = int(predicted[on_gpu[1]].low_mib) - 1  # vgg16 at 20 is over by a little
    told = []
    ordered = order(on_gpu, predicted, room_mib(gpu(room), 0), told.append)
    assert ordered == [on_gpu[0], on_gpu[2], on_gpu[3], on_gpu[1]]
    assert len(told) == 1 and told[0].startswith("warning: vgg16 batch 20 will take about ")


def test_nothing_is_told_where_everything_fits():
    told = []
    predicted = foresee(CELLS, NETWORKS)
    assert order(CELLS, predicted, 10**6, told.append) == CELLS and not told


def test_a_memory_limit_counts_on_the_host():
    told = []
    order(CELLS, foresee(CELLS, NETWORKS), room_mib(CPU, 2**30), told.append)
    assert [line.split(" will")[0] for line in told] == ["warning: vgg16 batch 10", "warning: vgg16 batch 20"]


def test_two_devices_share_a_batch():
    pair = [dataclasses.replace(CELLS[1], devices=("gpu(0)", "gpu(1)"))]
    half = [dataclasses.replace(CELLS[0], devices=("gpu(0)",))]
    assert list(foresee(pair, NETWORKS).values()) == list(foresee(half, NETWORKS).values())


@pytest.mark.parametrize("cell, networks", [
    (Cell("own", 10), [Network("own", "own", (3, 224, 224), None, "", None, source="own.py:net")]),
    (dataclasses.replace(CELLS[0], optimizer="ftml"), NETWORKS),
])
def test_what_cannot_be_predicted_is_run_all_the_same(cell, networks):
    assert foresee([cell], networks) == {}
    assert order([cell], {}, 1, print) == [cell]
