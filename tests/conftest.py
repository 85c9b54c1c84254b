"""What every test may rely on, however the suite was started."""

import signal


def pytest_configure():
    """Heed signals again that the caller ignores (nohup, a job in the background): the processes that tests start and
    interrupt would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
