"""One benchmark at a time: a run on the CPU is alone on the machine, runs on different GPUs are not in each other's way."""

import itertools

import pytest

from mxbench.errors import UserError
from mxbench.sweep.lock import exclusive

CPU, GPU_0, GPU_1, BOTH = ("cpu(0)",), ("gpu(0)",), ("gpu(1)",), ("gpu(0)", "gpu(1)")


def can_run_beside(first, second, folder):
    with exclusive(first, folder=folder):
        try:
            with exclusive(second, wait=False, folder=folder):
                return True
        except UserError as error:
            assert "is measuring on" in str(error) and "--no-wait" in str(error)
            return False


@pytest.mark.parametrize("first, second", list(itertools.product([CPU, GPU_0, GPU_1, BOTH], repeat=2)))
def test_only_runs_without_a_common_device_and_off_the_cpu_go_on_together(tmp_path, first, second):
    with exclusive(BOTH, folder=tmp_path):
        pass  # the locks of both GPUs have been taken before
    allowed = CPU not in (first, second) and not set(first) & set(second)
    assert can_run_beside(first, second, tmp_path) == allowed


def test_a_lock_is_free_again_after_its_run(tmp_path):
    for devices in (CPU, GPU_0, CPU, BOTH, CPU):
        with exclusive(devices, wait=False, folder=tmp_path):
            pass


def test_a_refused_run_holds_no_lock(tmp_path):
    with exclusive(GPU_1, folder=tmp_path):
        with pytest.raises(UserError):
            with exclusive(BOTH, wait=False, folder=tmp_path):
                pass
        with exclusive(GPU_0, wait=False, folder=tmp_path):
            pass
