"""A Dask scheduler and workers in processes of their own, on whose fake worker mxbench measures."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from sweep_bench import Bench, until

TESTS = Path(__file__).resolve().parent


class Scheduler:
    """``dask scheduler`` on a free port of this machine."""

    def __init__(self, folder: Path):
        file = folder / "scheduler.json"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
             "--scheduler-file", str(file)],
            cwd=str(folder), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        until(lambda: file.exists() and file.read_text().endswith("}"), "the scheduler")
        self.address = json.loads(file.read_text())["address"]

    def close(self):
        self._process.kill()
        self._process.wait()


class DaskBench(Bench):
    """A :class:`Bench` whose cells go to Dask workers, each as on a machine of its own: with its own locks and files."""

    def __init__(self, folder: Path, scheduler: Scheduler):
        super().__init__(folder)
        self.scheduler = scheduler
        self.workers = {}

    def add_worker(self, name, *options, resource="CPU=1", preload=True, **environment):
        """Start ``dask worker`` in a session of its own."""
        temporary = self.folder / f"tmp-{name}"
        temporary.mkdir(exist_ok=True)
        path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
        command = [sys.executable, "-m", "distributed.cli.dask_worker", self.scheduler.address, "--host", "127.0.0.1",
                   "--nthreads", "1", "--name", name, "--no-dashboard", "--local-directory", str(temporary),
                   *(options or ["--no-nanny"])]
        command += ["--resources", resource] if resource else []
        command += ["--preload", "fake_agent"] if preload else []
        with open(self.folder / f"{name}.log", "w", encoding="utf-8") as log:
            self.workers[name] = subprocess.Popen(
                command, cwd=str(self.folder), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, "FAKE_WORKER": str(self.folder), "TMPDIR": str(temporary), "PYTHONPATH": path,
                     "MXBENCH_CACHE": str(self.cache), **environment},
            )

    def run(self, *options, **how):
        return super().run("--dask", self.scheduler.address, *options, **how)

    def start(self, *options, **how):
        options = options if "--dask" in options else ("--dask", self.scheduler.address, *options)
        return super().start(*options, **how)

    def worker_of(self, cell) -> str:
        """The name of the Dask worker that measures a cell: the grandparent of the process that does."""
        pid = next(pid for pid, name in reversed(self.journal("started")) if name == cell)
        dask_worker = _parent(_parent(pid))
        return next(name for name, process in self.workers.items() if process.pid == dask_worker)

    def kill_worker(self, name):
        self.workers[name].kill()
        self.workers.pop(name).wait()

    def close(self):
        """End all workers."""
        for process in self.workers.values():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        assert self.left_over() == []


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
