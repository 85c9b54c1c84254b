"""Stands in for ``mxbench.measure.worker``: speaks its protocol without MXNet, and misbehaves on demand.

The environment variable FAKE_WORKER names a folder. Its file ``behaviours.json`` maps cells ("nin 10", or "nin 10 #2"
for the third repeat) to a behaviour; other cells finish. "peak" is the process that times matrix products. Its file
``journal`` takes a line for every process:
``started`` (``timing`` for the peak) or ``finished``, the process id, the cell.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

from mxbench import runtime
from mxbench.measure import job as jobs
from mxbench.measure.worker import die_with_parent
from mxbench.results import machine

FOLDER = Path(os.environ["FAKE_WORKER"])
machine._git_revision = str  # git takes longer than all the rest
FOREVER = 600  # seconds; whatever sleeps so long is meant to be killed
SPEED = {
    "images_per_second": 100.0, "interval": [99.0, 101.0], "mad": 0.5, "stop": "precise", "verdict": "stable",
    "windows": [{"images": 50, "seconds": 0.5}] * 8, "warmup": [{"images": 10, "seconds": 0.2}],
}


class Worker:
    """One process for one job."""

    def __init__(self, channel: int, job: jobs.Job):
        self.channel = channel
        self.job = job
        self.name = f"{job.cell.network} {job.cell.batch_size}" + (f" #{job.seed}" if job.seed else "")

    def run(self) -> None:
        """Do as the behaviours file says."""
        timing = self.job.task == jobs.GEMM
        if timing:
            self.name = "peak"
        _note("timing" if timing else "started", self.name)
        usual = "report_peak:100" if timing else "finish"
        wanted = json.loads((FOLDER / "behaviours.json").read_text()).get(self.name, usual)
        name, _, argument = wanted.partition(":")
        getattr(self, name)(*argument.split(",") if argument else ())

    def send(self, event: str, **fields) -> None:
        """One message, as the worker sends it."""
        self.write(json.dumps({"event": event, **fields}) + "\n")

    def write(self, text: str) -> None:
        """Bytes of the channel."""
        data = text.encode()
        while data:
            data = data[os.write(self.channel, data):]

    def set_up(self) -> None:
        """What every worker says first."""
        runtime.tune()
        here = {"machine": machine.machine(), "software": machine.software(), "variables": machine.variables()}
        self.send("surroundings", **({} if self.job.share else here))  # it has no GPU to tell of
        self.send("window", phase="warming up", images_per_second=90.0)

    def report(self) -> None:
        """The end of a measurement that went well."""
        _note("finished", self.name)
        self.send("finished", speed=SPEED, memory={"mib": 200.0, "method": "made up"}, model={"parameters": 7},
                  seconds={"total": 0.1})

    # Behaviours.

    def report_peak(self, gflops) -> None:
        """What the process that times matrix products says."""
        self.send("finished", peak={"gflops": float(gflops), "operator": "made up", "size": 1})

    def finish(self) -> None:
        self.set_up()
        self.report()

    def slow(self, seconds="0.1") -> None:
        self.set_up()
        time.sleep(float(seconds))
        self.report()

    def die(self, number, after="surroundings") -> None:
        """End by a signal at a point: at the ``start``, after ``surroundings``, in the middle of a ``message``, at the
        ``end``, when all is said."""
        if after != "start":
            self.set_up()
        if after == "message":
            self.write('{"event": "finished", "speed": {"images_per')
        if after == "end":
            self.report()
        # A core file would only take time.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.kill(os.getpid(), int(number))
        time.sleep(FOREVER)

    def abort(self) -> None:
        self.set_up()
        print("terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc", flush=True)
        self.die(signal.SIGABRT)

    def leave(self, code="3") -> None:
        self.set_up()
        os._exit(int(code))

    def chatter(self) -> None:
        """Print 10 MB that are no text."""
        self.set_up()
        for _ in range(160):
            os.write(1, b"\xff\x00{]\n" * 13107)
        self.report()

    def babble(self) -> None:
        """Garbage on the channel, and a report in the middle of it."""
        self.write('not json\n{"no": "event"}\n[1, 2]\n"text"\n\n' + "[" * 100000 + '\n{"event": "unheard of"}\n')
        os.write(self.channel, b"\xff\xfe\n" + b"x" * 300000 + b"\n")
        self.finish()
        self.write('{"event": "failed", "status": "error", "message": "after the end"}\n')

    def nonsense(self) -> None:
        """A report that is no measurement."""
        self.set_up()
        self.send("finished", speed={"images_per_second": "fast"})

    def not_a_number(self) -> None:
        self.set_up()
        self.send("finished", speed={**SPEED, "images_per_second": float("nan")})

    def half(self) -> None:
        self.set_up()
        self.write('{"event": "finished", "speed": {"images_per_second": 1')

    def hang(self) -> None:
        """Hang, and let a process that was started before hang as well."""
        self.set_up()
        child = subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({FOREVER})"])
        _note("grandchild", self.name, child.pid)
        time.sleep(FOREVER)

    def leave_child(self) -> None:
        """End without a word, but leave a process behind that holds the pipes and prints."""
        command = ["sh", "-c", "while :; do echo still here; sleep 0.01; done"]
        child = subprocess.Popen(command, pass_fds=(self.channel,))
        _note("grandchild", self.name, child.pid)
        os._exit(5)

    def close_and_hang(self) -> None:
        self.set_up()
        for descriptor in (self.channel, 0, 1, 2):
            os.close(descriptor)
        time.sleep(FOREVER)

    def finish_and_hang(self) -> None:
        self.finish()
        time.sleep(FOREVER)

    def out_of_memory(self) -> None:
        self.set_up()
        self.send("failed", status="out_of_memory", message="Failed to allocate CPU Memory")

    def fail(self) -> None:
        self.set_up()
        self.send("failed", status="error", message="operator not supported")

    def together(self, count) -> None:
        """Finish once so many processes have been started, this one counted."""
        self.set_up()
        while (FOLDER / "journal").read_text().count("started ") < int(count):
            time.sleep(0.01)
        self.report()

    def broken_gpu(self, number) -> None:
        """Fail on that GPU, at once, and take a while on others."""
        if self.job.share.gpu == int(number):
            self.fail()
        else:
            self.slow("0.2")

    def refuse(self) -> None:
        self.send("refused", message="this cannot be measured at all")

    def kill_dask_worker(self) -> None:
        """Kill the process that started the agent that started this one."""
        self.set_up()
        os.kill(int(Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[1]), signal.SIGKILL)
        time.sleep(FOREVER)

    def kill_parent(self, number, after="surroundings") -> None:
        """Send the parent a signal at a point (see ``die``), then go on as if nothing had been."""
        parent = os.getppid()
        if after == "start":
            os.kill(parent, int(number))
        self.set_up()
        if after == "surroundings":
            os.kill(parent, int(number))
        if after == "message":
            self.write('{"event": "finished", "speed": {"images_per')
            os.kill(parent, int(number))
        if after == "end":
            self.report()
            os.kill(parent, int(number))
        time.sleep(FOREVER)


def _note(what: str, name: str, pid=None) -> None:
    with open(FOLDER / "journal", "a", encoding="utf-8") as file:
        file.write(f"{what} {pid or os.getpid()} {name}\n")


def main() -> None:
    """Read the job as the worker does, and end as abruptly."""
    channel = int(sys.argv[1])
    die_with_parent(channel)
    Worker(channel, jobs.from_json(sys.stdin.read())).run()
    os._exit(0)


if __name__ == "__main__":
    main()
