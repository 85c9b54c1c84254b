"""What a process sends and receives over TCP, as the kernel counts it."""

from __future__ import annotations

import os
import socket
import struct
from typing import NamedTuple

import psutil

# Offsets in Linux's struct tcp_info (linux/tcp.h): bytes that the other side has acknowledged, and bytes received.
_COUNTERS = struct.Struct("=QQ")
_OFFSET, _SIZE = 120, 256


class Traffic(NamedTuple):
    """Bytes so far over all connections of this process that are open."""

    sent: int = 0
    received: int = 0

    def since(self, earlier: Traffic) -> Traffic:
        """What has come on top of an earlier reading."""
        return Traffic(self.sent - earlier.sent, self.received - earlier.received)


def traffic() -> Traffic:
    """The bytes that this process has sent and received over its open TCP connections, without headers of packets."""
    sent = received = 0
    for connection in psutil.Process().net_connections("tcp"):
        if connection.status == psutil.CONN_ESTABLISHED and connection.fd >= 0:
            acknowledged, got = _counters(connection.fd)
            sent, received = sent + acknowledged, received + got
    return Traffic(sent, received)


def _counters(descriptor: int) -> tuple:
    try:
        with socket.socket(fileno=os.dup(descriptor)) as connection:
            info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _SIZE)
    except OSError:  # closed meanwhile
        return 0, 0
    return _COUNTERS.unpack_from(info, _OFFSET) if len(info) >= _OFFSET + _COUNTERS.size else (0, 0)
