"""A machine that pretends to have GPUs, and how to measure on it."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

BRIEFLY = "--data synthetic --min-seconds 0 --max-seconds 0.1 --disp-batches 1 --precision 0.5".split()


class Machine:
    """A machine with two stand-in GPUs; ``settings`` change it (see stand_in.c)."""

    def __init__(self, libraries, folder):
        self.libraries, self.folder = libraries, folder
        self.results = folder / "results.jsonl"

    def environment(self, **settings):
        """Variables for a process on this machine."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CUDA_", "MXNET_", "OMP_"))}
        return {
            **kept, "LD_LIBRARY_PATH": str(self.libraries / "driver"), "TMPDIR": str(self.folder),
            "PYTHONPATH": os.pathsep.join([str(self.libraries), str(ROOT)]),
            "STAND_IN_GPU_STATE": str(self.folder / "state"), **settings,
        }

    def python(self, *arguments, **settings):
        """Run Python on this machine."""
        return subprocess.run(
            [sys.executable, *map(str, arguments)], env=self.environment(**settings), cwd=self.folder,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, check=False, timeout=900,
        )

    def mxbench(self, *arguments, **settings):
        """Run an mxbench command on this machine."""
        return self.python("-m", "mxbench", *arguments, **settings)

    def measure(self, *arguments, **settings):
        """Measure briefly and return the records."""
        self.results.unlink() if self.results.exists() else None
        done = self.mxbench("run", *BRIEFLY, "--output", self.results, *arguments, **settings)
        assert self.results.exists(), done.stderr
        return self.records()

    def records(self):
        """The records of the results file."""
        return [json.loads(line) for line in self.results.read_text().splitlines()]
