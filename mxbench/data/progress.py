"""How far a long piece of work has come: a bar on a terminal, two plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import Callable, Iterator

from tqdm import tqdm


@contextlib.contextmanager
def progress_bar(total: int, description: str, show: bool) -> Iterator[Callable[[int], None]]:
    """Yields a function that is called with the number of images just finished; writes to standard error."""
    terminal = sys.stderr.isatty()
    start = time.monotonic()
    if show and not terminal:
        print(f"{description}: {total} images ...", file=sys.stderr, flush=True)
    with tqdm(total=total, desc=description, unit=" images", disable=not (show and terminal)) as bar:
        yield bar.update
    if show and not terminal:
        print(f"{description}: done in {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
