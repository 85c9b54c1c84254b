"""Interruption from outside: Ctrl-C, a closed terminal, a request to terminate; each ends a sweep in the same way."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import Optional

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal asks the sweep to end; ``number`` is the signal's."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.number = number


class _Heed:
    """Whether a signal is heeded at once, and the one that waits to be."""

    at_once = True
    waiting: Optional[int] = None

    def take(self, number: int) -> None:
        """Raise :class:`Interrupted` now, or remember to."""
        self.waiting = number
        self.catch_up()

    def catch_up(self) -> None:
        """Raise :class:`Interrupted` for a signal that waits, if signals are heeded."""
        if self.at_once and self.waiting is not None:
            number, self.waiting = self.waiting, None
            raise Interrupted(number)

    @contextmanager
    def switched(self, at_once: bool):
        """Heed signals at once in the body, or not; after a body that did not fail, catch up. In other threads than
        the main one, which no signal reaches, do nothing."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before, self.at_once = self.at_once, at_once
        try:
            self.catch_up()
            yield
        finally:
            self.at_once = before
        self.catch_up()


_heed = _Heed()


def held_back():
    """A context in which signals wait until its end: what is finished there is kept. Where the body fails, its own
    error goes first."""
    return _heed.switched(False)


def let_through():
    """A context within :func:`held_back` in which signals are heeded at once after all: a wait."""
    return _heed.switched(True)


@contextmanager
def interruptible():
    """Raise :class:`Interrupted` in the body at the first signal and ignore all later ones, so that ending a child
    and releasing locks is not itself interrupted. See :func:`held_back` for where the first one waits."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number, _frame):
        for one in _SIGNALS:
            signal.signal(one, signal.SIG_IGN)
        _heed.take(number)

    # A signal that the caller ignores, as nohup does with SIGHUP, stays ignored.
    heeded = [one for one in _SIGNALS if signal.getsignal(one) is not signal.SIG_IGN]
    before = {one: signal.signal(one, interrupt) for one in heeded}
    try:
        yield
    finally:
        _heed.waiting = None
        for one, handler in before.items():
            signal.signal(one, handler)
