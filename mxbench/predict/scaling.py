"""How fast workers train through MXNet's parameter server: bounds from the step of one worker and the bandwidth.

In a step each worker pushes every gradient to the servers and pulls every weight back. How much of that MXNet's engine
hides behind the computation depends on the network's layers, so the time of a step is an interval, from all that can be
hidden to nothing. The model knows the load of the links alone: what it leaves out stands in docs/scaling.md.

``dist_async`` moves the same bytes as ``dist_sync``; what it saves is the wait for slower workers: here all are equal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Iterator, Optional, Tuple

from ..errors import UserError, nearest

# The part of a gradient's bytes that a push carries: 2 bits for each 32 (mxnet/src/kvstore/gradient_compression.h).
PUSHED = {"none": 1.0, "2bit": 1 / 16}

WORKER, SERVER, BOTH = "a worker's", "a server's", "that of a host with a worker and a server"

Interval = Tuple[float, float]


@dataclass(frozen=True)
class Traffic:
    """Bytes of one step: what a worker sends and receives, and what the busiest ``link``, a host's interface, carries.

    ``together_bytes`` is the most in one direction, which bounds the time from below: pushes and pulls go on at once.
    ``in_turn_bytes`` is the most while all push and then the most while all pull, one after the other. Both leave out
    what stays on a host; ``link`` is empty where everything does.
    """

    sent_bytes: float
    received_bytes: float
    together_bytes: float
    in_turn_bytes: float
    link: str


@dataclass(frozen=True)
class ScalingPrediction:
    """A step of ``workers`` workers: intervals (low, high) of what it takes and gives, over all workers together.

    ``alone_seconds`` is the step of one worker without a network, ``network_seconds`` what the busiest link of
    ``traffic`` takes. ``estimate_seconds`` lies within ``step_seconds``; None where no overlap was measured.
    ``efficiency`` is the speed over that of as many workers without a network, at most 1.
    """

    workers: int
    batch_size: int
    alone_seconds: float
    network_seconds: Interval
    step_seconds: Interval
    traffic: Traffic
    estimate_seconds: Optional[float] = None

    @property
    def images_per_second(self) -> Interval:
        """Bounds of the speed of all workers together."""
        return self.speed(self.step_seconds[1]), self.speed(self.step_seconds[0])

    @property
    def efficiency(self) -> Interval:
        """Bounds of the efficiency."""
        return self.alone_seconds / self.step_seconds[1], self.alone_seconds / self.step_seconds[0]

    @property
    def network_bound(self) -> bool:
        """Whether the busiest link takes longer than the rest of the step, so that it cannot be hidden altogether."""
        return self.network_seconds[0] > self.alone_seconds

    def speed(self, step_seconds: float) -> float:
        """Images per second of all workers together if a step takes that long."""
        return self.workers * self.batch_size / step_seconds


def predict_scaling(batch_size: int, compute_seconds: float, gradient_bytes: float, workers: int, servers: int,
                    bandwidth: float, input_seconds: float = 0.0, local_seconds: float = 0.0,
                    gc_type: str = "none", apart: bool = False, hidden: Optional[float] = None) -> ScalingPrediction:
    """Predict the step of ``workers`` equal workers, each on a host of its own.

    Args:
        batch_size: Images in the batch of each worker.
        compute_seconds: Forward and backward pass of one batch.
        gradient_bytes: Sum of the gradients' sizes, before compression.
        bandwidth: Bytes per second over each host's interface, in each direction at once; may be infinite.
        input_seconds: The wait for a batch.
        local_seconds: What push, update and pull add to the step of one worker whose server is on the same host.
        gc_type: Compression of gradients, one of ``PUSHED``.
        apart: Whether each server has a host of its own; else they are spread evenly over the workers' hosts.
        hidden: What part of the time that can be hidden is, from :func:`hidden_share`; gives an estimate.

    Raises:
        UserError: an argument is not possible.
    """
    times = {"compute_seconds": compute_seconds, "input_seconds": input_seconds, "local_seconds": local_seconds}
    for name, value in times.items():
        _check(value >= 0 and value < math.inf, name, value, "give 0 or more")
    _check(compute_seconds > 0, "compute_seconds", compute_seconds, "give more than 0")
    _check(bandwidth > 0, "bandwidth", bandwidth, "give bytes per second, more than 0")
    _check(batch_size >= 1, "batch_size", batch_size, "give 1 or more")
    _check(hidden is None or 0 <= hidden <= 1, "hidden", hidden, "give a part from 0 to 1")
    found = traffic(gradient_bytes, workers, servers, gc_type, apart)
    alone = sum(times.values())
    shortest, longest = found.together_bytes / bandwidth, found.in_turn_bytes / bandwidth
    estimate = None if hidden is None else alone + shortest - hidden * min(alone, shortest)
    return ScalingPrediction(workers, batch_size, alone, (shortest, longest), (max(alone, shortest), alone + longest),
                             found, estimate)


def traffic(gradient_bytes: float, workers: int, servers: int, gc_type: str = "none", apart: bool = False) -> Traffic:
    """The bytes of one step; arguments as for :func:`predict_scaling`.

    Every server is taken to hold as much as every other. MXNet splits arrays of MXNET_KVSTORE_BIGARRAY_BOUND elements
    or more evenly, and gives each smaller one to one server.

    Raises:
        UserError: an argument is not possible.
    """
    _check(0 < gradient_bytes < math.inf, "gradient_bytes", gradient_bytes, "give more than 0")
    _check(workers >= 1, "workers", workers, "give 1 or more")
    _check(servers >= 1, "servers", servers, "give 1 or more")
    if gc_type not in PUSHED:
        raise UserError(f"gradient compression {gc_type} is not known: {nearest(gc_type, PUSHED)}")
    push, pull = PUSHED[gc_type] * gradient_bytes, gradient_bytes
    links = list((_apart if apart else _shared)(push, pull, workers, servers))
    loads = {name: max(map(sum, zip(pushed, pulled))) for name, pushed, pulled in links}
    name = max(loads, key=loads.__getitem__)
    in_turn = max(max(pushed) for _, pushed, _ in links) + max(max(pulled) for _, _, pulled in links)
    return Traffic(push, pull, loads[name], in_turn, name if loads[name] else "")


def effective_bandwidth(found: Traffic, communicate_seconds: float, local_seconds: float = 0.0) -> Optional[float]:
    """Bytes per second that the busiest link gave while push and pull took that long, None if that cannot be told.

    ``local_seconds`` is what push, update and pull take where nothing crosses a network, as measured with one worker.
    """
    seconds = communicate_seconds - local_seconds
    return found.together_bytes / seconds if found.together_bytes and seconds > 0 else None


def hidden_share(alone_seconds: float, network_seconds: float, step_seconds: float) -> Optional[float]:
    """What part of the time that can be hidden was: 0 if a step takes the sum of both times, 1 if it takes the longer.

    None where there is nothing to hide. A step outside these bounds counts as the nearer one.
    """
    shorter = min(alone_seconds, network_seconds)
    if shorter <= 0:
        return None
    return min(1.0, max(0.0, (alone_seconds + network_seconds - step_seconds) / shorter))


def _apart(push: float, pull: float, workers: int, servers: int) -> Iterator[Tuple[str, Interval, Interval]]:
    """The links with what goes (out, in) by pushes and by pulls: those of workers, and those of servers."""
    yield WORKER, (push, 0.0), (0.0, pull)
    yield SERVER, (0.0, workers * push / servers), (workers * pull / servers, 0.0)


def _shared(push: float, pull: float, workers: int, servers: int) -> Iterator[Tuple[str, Interval, Interval]]:
    """The links of hosts with a worker each, over which the servers are spread; what is for its own stays on a host."""
    for held in sorted({servers // workers, -(-servers // workers)}):
        own, served = 1 - held / servers, (workers - 1) * held / servers
        yield BOTH if held else WORKER, (own * push, served * push), (served * pull, own * pull)


def _check(possible: bool, name: str, value, advice: str) -> None:
    if not possible:
        raise UserError(f"{name} {value} is not possible: {advice}")
