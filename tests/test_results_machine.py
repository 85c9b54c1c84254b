"""The machine is told as it is, and a file is replaced whole or not at all."""

import os
import stat
import subprocess
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from mxbench.errors import UserError
from mxbench.results import machine
from mxbench.results.files import write_atomically


def cpus(folder, places):
    """A /sys/devices/system/cpu in which each processor has a package and a core."""
    for number, (package, core) in enumerate(places):
        topology = folder / f"cpu{number}" / "topology"
        topology.mkdir(parents=True)
        (topology / "physical_package_id").write_text(f"{package}\n")
        (topology / "core_id").write_text(f"{core}\n")
    return folder


@pytest.mark.parametrize("places, allowed, cores", [
    ([(0, 0), (0, 1)], [0, 1], 2),
    ([(0, 0), (0, 1), (0, 0), (0, 1)], [0, 1, 2, 3], 2),  # two threads of each core
    ([(0, 0), (1, 0)], [0, 1], 2),  # the same number in two packages
    ([(0, 0), (0, 1), (0, 2), (0, 3)], [1, 3], 2),
    ([], [0, 1, 2], 3),  # the kernel says nothing of cores
])
def test_physical_cores_are_those_that_this_process_may_use(tmp_path, monkeypatch, places, allowed, cores):
    monkeypatch.setattr(machine, "_CPU_FOLDER", cpus(tmp_path, places))
    monkeypatch.setattr(machine, "_cgroup_cpus", lambda: None)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(allowed))
    assert machine.physical_cores() == cores


@pytest.mark.parametrize("quota, cores", [(None, 4), (2.5, 2), (0.5, 1), (16.0, 4)])
def test_a_container_s_limit_counts(monkeypatch, quota, cores):
    monkeypatch.setattr(machine, "_CPU_FOLDER", Path("/missing"))
    monkeypatch.setattr(machine, "_cgroup_cpus", lambda: quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3})
    assert machine.physical_cores() == cores


@pytest.mark.parametrize("files, quota", [
    ({}, None),
    ({"cpu.max": "max 100000\n"}, None),
    ({"cpu.max": "250000 100000\n"}, 2.5),
    ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
    ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 0.5),
])
def test_both_versions_of_control_groups_are_read(tmp_path, files, quota):
    (tmp_path / "cpu").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert machine._cgroup_cpus(tmp_path) == quota


def test_a_system_without_affinity_has_all_its_processors(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    assert machine.conditions()["affinity"] == list(range(os.cpu_count()))


def test_the_cpu_has_the_kernel_s_name_for_it_or_else_that_of_its_kind(monkeypatch):
    monkeypatch.setattr(machine, "_read", lambda path: "processor : 0\nmodel name\t: Some CPU @ 2.00GHz\n")
    assert machine.cpu_model() == "Some CPU @ 2.00GHz"
    monkeypatch.setattr(machine, "_read", lambda path: "")
    assert machine.cpu_model()


def test_a_machine_is_its_processor_its_memory_and_the_gpus_in_use():
    class Gpu(NamedTuple):
        name: str
        memory_mib: float

    alone = machine.machine()
    assert set(alone) == {"cpu", "cores", "memory_gib"}
    assert alone["memory_gib"] == round(psutil.virtual_memory().total / 2**30) and alone["cores"] >= 1
    assert machine.machine([Gpu("TITAN X", 12287.6)]) == {**alone, "gpus": ["TITAN X"], "gpu_memory_mib": [12288]}
    assert machine.machine(stand_in=True)["stand_in"] is True


def test_variables_are_those_that_change_how_mxnet_runs(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("MXNET_", "OMP_", "KMP_")):
            monkeypatch.delenv(name)
    for name in ("MXNET_B", "KMP_A", "OMP_C", "OTHER"):
        monkeypatch.setenv(name, "1")
    assert machine.variables() == {"KMP_A": "1", "MXNET_B": "1", "OMP_C": "1"}


def test_software_names_the_build_of_mxnet_and_its_features(monkeypatch):
    found = machine.software(["OPENMP", "CUDA"])
    assert found["features"] == ["CUDA", "OPENMP"]
    assert found["numpy"] == metadata.version("numpy") and found["python"].startswith("3.")
    monkeypatch.setattr(machine, "_version", lambda name: "1.9.1" if name == "mxnet-cu112" else "")
    assert machine.software()["mxnet"] == "mxnet-cu112 1.9.1"
    monkeypatch.setattr(machine, "_version", lambda name: "")
    assert machine.software()["mxnet"] == ""


def test_the_revision_is_told_where_there_is_one(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "__file__", str(tmp_path / "mxbench" / "results" / "machine.py"))
    assert machine._git_revision() == ""  # installed
    (tmp_path / ".git").mkdir()

    def answer(command, **_):
        assert command[2] == str(tmp_path)
        return subprocess.CompletedProcess(command, 0, stdout="0123456789ab+\n")

    monkeypatch.setattr(subprocess, "run", answer)
    assert machine._git_revision() == "0123456789ab+"

    def absent(command, **_):
        raise FileNotFoundError("git")

    monkeypatch.setattr(subprocess, "run", absent)
    assert machine._git_revision() == ""


def test_conditions_are_numbers_of_this_moment():
    found = machine.conditions()
    assert found["load_average"] >= 0 and found["swap_used_mib"] >= 0 and found["memory_available_mib"] > 0
    assert found["affinity"] == sorted(os.sched_getaffinity(0))


def test_a_file_is_written_whole_and_keeps_its_permissions(tmp_path):
    path = tmp_path / "report.md"
    before = os.umask(0o027)
    try:
        write_atomically(path, "größer\n")
        assert path.read_text(encoding="utf-8") == "größer\n" and stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)
        write_atomically(path, "new")
    finally:
        os.umask(before)
    assert path.read_text() == "new" and stat.S_IMODE(path.stat().st_mode) == 0o604
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "report.md"
    path.write_text("old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(UserError, match="cannot write .*report.md: No space left on device"):
            write_atomically(path, "new")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(UserError, match="No such file or directory"):
        write_atomically(tmp_path / "missing" / "report.md", "new")
