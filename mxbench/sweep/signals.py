"""Interruption from outside: Ctrl-C, a closed terminal, a request to terminate; each ends a sweep in the same way."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal asks the sweep to end; ``number`` is the signal's."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.number = number


@contextmanager
def interruptible():
    """Raise :class:`Interrupted` in the body at the first signal and ignore all later ones, so that ending a child
    and releasing locks is not itself interrupted."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number, _frame):
        for one in _SIGNALS:
            signal.signal(one, signal.SIG_IGN)
        raise Interrupted(number)

    # A signal that the caller ignores, as nohup does with SIGHUP, stays ignored.
    heeded = [one for one in _SIGNALS if signal.getsignal(one) is not signal.SIG_IGN]
    before = {one: signal.signal(one, interrupt) for one in heeded}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
