"""Hosts files: the machines that train together, one on a line."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import List, NamedTuple, Optional

from ..errors import UserError

_LINE = re.compile(r"(?:(?P<user>[^@\s]+)@)?(?P<name>[^@:\s]+)(?::(?P<port>\d+))?(?:\s+python=(?P<python>\S+))?")
_FORM = "[USER@]HOST[:PORT] [python=PATH]"


class Host(NamedTuple):
    """A machine that SSH reaches; ``python`` is the interpreter there that has mxbench. What is None, SSH's own
    configuration decides."""

    name: str
    user: Optional[str] = None
    port: Optional[int] = None
    python: str = sys.executable


def read_hosts(path) -> List[Host]:
    """The machines of a hosts file; empty lines and what follows a ``#`` do not count.

    Raises:
        UserError: the file cannot be read, names no host or one twice, or a line is none of a host.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the hosts file {path}: {getattr(error, 'strerror', None) or 'it is no text'}") from None
    hosts = [_host(path, number, line.partition("#")[0].strip()) for number, line in enumerate(lines, 1)
             if line.partition("#")[0].strip()]
    if not hosts:
        raise UserError(f"the hosts file {path} names no host: write one on each line, as {_FORM}")
    names = [host.name for host in hosts]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"the hosts file {path} names {name} more than once: name each host once, and use --workers for "
                            "several workers on one")
    return hosts


def _host(path, number: int, line: str) -> Host:
    match = _LINE.fullmatch(line)
    if not match or (match["port"] and not 0 < int(match["port"]) < 65536):
        raise UserError(f"{path}:{number}: {line!r} is no host: write {_FORM}")
    return Host(match["name"], match["user"], int(match["port"]) if match["port"] else None,
                match["python"] or sys.executable)
