"""The command line and the fake worker in a folder of their own, for tests of what happens around measurements."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from mxbench.results import store

ROOT = Path(__file__).resolve().parents[1]
COMMAND = f"""
import os, resource, signal, sys
from mxbench.sweep import child
child.WORKER = (sys.executable, {str(ROOT / "tests" / "fake_worker.py")!r})
from mxbench.cli import main
from mxbench.results import machine
machine._git_revision = str  # git takes longer than all the rest
"""
SIZES = (10, 20, 30)
CACHE = tempfile.TemporaryDirectory()  # for the peak that the fake worker makes up
PATIENCE = 30  # seconds that a test waits for what must come


class Done(NamedTuple):
    code: int
    said: str


class Bench:
    """A folder of its own, with results, locks and temporary files, in which mxbench measures with the fake worker."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.results = folder / "results.jsonl"
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.cache = CACHE.name
        self.behave()

    def behave(self, **behaviours):
        """``behave(nin_20="hang")``: how the worker of network nin at batch size 20 behaves; the others finish."""
        named = {name.replace("_", " ", 1): behaviour for name, behaviour in behaviours.items()}
        (self.folder / "behaviours.json").write_text(json.dumps(named))

    def command(self, *options, sizes=SIZES, patch=""):
        arguments = ["run", "--data", "synthetic", "--networks", "nin", "--output", str(self.results),
                     "--batch-sizes", ",".join(map(str, sizes)), *options]
        return [sys.executable, "-c", f"{COMMAND}\n{patch}\nsys.exit(main({arguments!r}))"]

    def start(self, *options, stderr=subprocess.PIPE, **how):
        """Start a run; it is in a session of its own, as under a terminal of its own."""
        environment = {**os.environ, "FAKE_WORKER": str(self.folder), "TMPDIR": str(self.temporary),
                       "MXBENCH_CACHE": str(self.cache)}
        return subprocess.Popen(self.command(*options, **how), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=stderr, cwd=str(self.folder), env=environment, start_new_session=True)

    def run(self, *options, **how) -> Done:
        return self.end(self.start(*options, **how))

    def end(self, process, seconds=PATIENCE) -> Done:
        """Wait for a run to end; nothing that it started may be left."""
        _, said = process.communicate(timeout=seconds)
        assert self.left_over() == []
        said = (said or b"").decode()
        assert "Traceback" not in said, said
        return Done(process.returncode, said)

    def journal(self, what):
        """(process id, cell) for every process that started, or whatever ``what`` is."""
        path = self.folder / "journal"
        lines = [line.split(" ", 2) for line in path.read_text().splitlines()] if path.exists() else []
        return [(int(pid), cell) for noted, pid, cell in lines if noted == what]

    def started(self):
        """How often each cell was started."""
        return Counter(cell for _, cell in self.journal("started"))

    def wait_for(self, cell, what="started"):
        until(lambda: cell in [name for _, name in self.journal(what)], f"{cell} {what}")

    def left_over(self):
        """Process ids of workers, and of what they started, that do not end."""
        pids = [pid for what in ("started", "timing", "grandchild") for pid, _ in self.journal(what)]
        deadline = time.monotonic() + 5
        while any(map(is_alive, pids)) and time.monotonic() < deadline:
            time.sleep(0.02)
        return [pid for pid in pids if is_alive(pid)]

    def outcomes(self, problems=0):
        """(batch size, status) of every record of the results file, which must have so many foreign lines."""
        records, found = store.read(self.results) if self.results.exists() else ([], [])
        assert len(found) == problems, found
        return [(record.cell.batch_size, record.status) for record in records]

    def finishes(self, problems=0):
        """Whether the same command, started again without a fault, ends with every cell measured once."""
        self.behave()
        before = self.outcomes(problems)
        done = self.run()
        assert "waiting" not in done.said
        after = self.outcomes(problems)
        kept = [outcome for outcome in before if outcome[1] == "ok"]
        assert after[:len(before)] == before
        return done.code == 0 and sorted(kept + after[len(before):]) == [(size, "ok") for size in SIZES]


def check_ctrl_c(bench, process, again):
    """Ctrl-C while batch sizes 20 and 30 hang in two places keeps what is finished, and ``again`` measures only these."""
    bench.wait_for("nin 20", "grandchild")
    bench.wait_for("nin 30", "grandchild")
    process.send_signal(signal.SIGINT)
    done = bench.end(process)
    assert done.code == 130 and "the same command goes on from there" in done.said
    assert bench.outcomes() == [(10, "ok")]
    bench.behave()
    assert again().code == 0
    assert bench.started() == {"nin 10": 1, "nin 20": 2, "nin 30": 2}


def until(true, what):
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
