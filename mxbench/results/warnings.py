"""Every warning about a measurement: its name in the record, what it means, and what to do about it."""

from __future__ import annotations

import enum
import math
from statistics import median
from typing import Dict, List, Sequence

from .record import Window
from .statistics import modified_z_scores

EXTREME_SCORE = 14.8  # in units of 1.4826 MAD, the threshold of hyperfine
SLOW_START = 1.05
DRIFT = 0.05
OTHER_LOAD = 0.1  # processors
CLOCK_CHANGE = 0.05
WAITING = 0.05  # of the time
# A GPU at full load is at its power cap most of the time, by design: that alone is recorded, but no warning.
SLOWED_DOWN = ("hardware_slowdown", "thermal", "hardware_thermal", "power_brake")


class MeasurementWarning(enum.Enum):
    """Something that can make a figure wrong; the value is what the user reads."""

    SLOW_FIRST_WINDOW = "the first counted window was much slower than the rest: warm-up may have ended too soon"
    EXTREMES = "single windows lie far from the others: something else ran at times; measure again on a quiet machine"
    DRIFT = "the second half of the windows differs from the first: the machine heats up, slows down or was shared"
    OTHER_LOAD = "other programs used the processors meanwhile: end them and measure again"
    OTHER_GPU_PROCESSES = "other processes used the GPU meanwhile: end them and measure again"
    THERMAL_THROTTLING = "the GPU slowed itself down because of heat or power: improve its cooling, or report it so"
    CLOCK_CHANGED = "the clock of the device changed meanwhile: fix it, or let the device warm up first"
    SWAP_IN_USE = "the system swapped memory to disk meanwhile: free memory and measure again"
    INPUT_BOUND = "training waited for its input, which is slower than the network: 'mxbench data speed' shows its rate"
    UNLIKE_WORKERS = "the workers have unlike machines or builds of MXNet: the slowest of them sets the pace"
    LOSS_NOT_FINITE = "the loss became infinite or not a number; the speed can differ from that of real training"

    @property
    def label(self) -> str:
        """The warning's name in a record."""
        return self.name.lower()

    def found(self, detail: str = "") -> Dict[str, str]:
        """The warning as an entry of a record, with what was seen."""
        return {"warning": self.label, "detail": detail}


def describe(entry: Dict[str, str]) -> str:
    """The sentence for a warning of a record, also for one that a newer version has added."""
    names = {warning.label: warning.value for warning in MeasurementWarning}
    sentence = names.get(entry["warning"], entry["warning"].replace("_", " "))
    return f"{sentence} ({entry['detail']})" if entry.get("detail") else sentence


def about_windows(windows: Sequence[Window]) -> List[Dict[str, str]]:
    """Warnings that the counted windows of one process give rise to."""
    speeds = [window.images_per_second for window in windows]
    found = []
    if len(speeds) >= 4:
        typical = median(speeds[1:])
        if typical / speeds[0] > SLOW_START:
            found.append(MeasurementWarning.SLOW_FIRST_WINDOW.found(f"{speeds[0]:.2f} against {typical:.2f} images/sec"))
        extremes = sum(abs(score) > EXTREME_SCORE for score in modified_z_scores(speeds))
        if extremes:
            found.append(MeasurementWarning.EXTREMES.found(f"{extremes} of {len(speeds)} windows"))
    if len(speeds) >= 8:
        half = len(speeds) // 2
        change = median(speeds[half:]) / median(speeds[:half]) - 1
        if abs(change) > DRIFT:
            found.append(MeasurementWarning.DRIFT.found(f"{change:+.1%}"))
    return found


def about_conditions(start: Dict, end: Dict, alone: bool = True) -> List[Dict[str, str]]:
    """Warnings from the conditions at the start and the end of a measurement (see :mod:`mxbench.measure.conditions`): about
    the load of other processes only if none of them belongs to the measurement."""
    found = []
    other = end["busy_processors"] - end["own_processors"]
    if alone and other > OTHER_LOAD:
        found.append(MeasurementWarning.OTHER_LOAD.found(f"{other:.1f} processors on average"))
    swapped_mib = end["swap_used_mib"] - start["swap_used_mib"]
    if swapped_mib > 0:
        found.append(MeasurementWarning.SWAP_IN_USE.found(f"{swapped_mib} MiB more than before"))
    return found


def about_input(waited_seconds: float, seconds: float) -> List[Dict[str, str]]:
    """A warning if training that took so long waited for batches much of the time."""
    share = waited_seconds / seconds
    return [MeasurementWarning.INPUT_BOUND.found(f"{share:.0%} of the time")] if share > WAITING else []


def about_losses(losses: Sequence[float]) -> List[Dict[str, str]]:
    """A warning if training did not keep to finite numbers."""
    if all(math.isfinite(loss) for loss in losses):
        return []
    return [MeasurementWarning.LOSS_NOT_FINITE.found()]


def about_gpus(gpus: Sequence[Dict]) -> List[Dict[str, str]]:
    """Warnings from what was read of each GPU while training (``conditions.gpus`` of a record)."""
    found = []
    for number, gpu in enumerate(gpus):
        which = f"{gpu['name']} {number}" if len(gpus) > 1 else gpu["name"]
        if gpu["other_processes"]:
            numbers = ", ".join(map(str, gpu["other_processes"]))
            found.append(MeasurementWarning.OTHER_GPU_PROCESSES.found(f"{which}: process {numbers}"))
        reasons = [reason for reason in gpu["throttling"] if reason in SLOWED_DOWN]
        if reasons:
            told = ", ".join(reason.replace("_", " ") for reason in reasons)
            found.append(MeasurementWarning.THERMAL_THROTTLING.found(f"{which}: {told}"))
        slowest, fastest = gpu["sm_clock_mhz"] or (1, 1)
        if fastest / max(slowest, 1) - 1 > CLOCK_CHANGE:
            found.append(MeasurementWarning.CLOCK_CHANGED.found(f"{which}: {slowest} to {fastest} MHz"))
    return found
