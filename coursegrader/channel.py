"""Messages between the grader and a process that runs or judges a submission.

A message is a small JSON object with bytes beside it, which carry whatever may be large. The
other end may be in the hands of a submission, so whatever comes is bounded and nothing of it is
trusted.

``multiprocessing.connection.Connection`` takes no timeout once a message has begun, so a
submission could hold the grader forever with half of one, and a message that was half read when
the time of a cell was up could not be read on after the interrupt.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any

HEADER = struct.Struct("!II")
LARGEST_MESSAGE = 1 << 16  # JSON can grow thirtyfold in memory when it is read
LARGEST_BLOB = 64 << 20


class BrokenChannelError(RuntimeError):
    """The other end sends what is no message."""


class Channel:
    """One end of a connection.

    Parameters
    ----------
    connection : socket
        Of the type stream.
    budget : int, optional
        How many bytes to take in all.
    """

    def __init__(self, connection: socket.socket, *, budget: int | None = None):
        self._connection = connection
        self._budget = budget
        self._buffer = bytearray()

    def send(
        self, message: dict[str, Any], blob: bytes = b"", timeout: float | None = None
    ) -> None:
        """Send a message.

        Raises
        ------
        TimeoutError
            If the other end has not taken it after so many seconds.
        """
        content = json.dumps(message).encode("utf-8", "surrogatepass")
        self._connection.settimeout(timeout)
        self._connection.sendall(HEADER.pack(len(content), len(blob)) + content)
        if blob:
            self._connection.sendall(blob)

    def receive(self, timeout: float | None = None) -> tuple[dict[str, Any], bytes]:
        """Return the next message and the bytes beside it.

        Raises
        ------
        TimeoutError
            If it has not come whole after so many seconds. What has come is kept.
        EOFError
            At the end of the connection.
        BrokenChannelError
            If it is no message, or more than the budget.
        """
        end = None if timeout is None else time.monotonic() + timeout
        self._receive_bytes(HEADER.size, end)
        length, extra = HEADER.unpack_from(self._buffer)
        if length > LARGEST_MESSAGE or extra > LARGEST_BLOB:
            raise BrokenChannelError(f"a message of {length} bytes with {extra} beside it")
        self._receive_bytes(HEADER.size + length + extra, end)
        content = bytes(self._buffer[HEADER.size : HEADER.size + length])
        blob = bytes(self._buffer[HEADER.size + length : HEADER.size + length + extra])
        del self._buffer[: HEADER.size + length + extra]
        try:
            message = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise BrokenChannelError(f"no JSON: {error}") from None
        if not isinstance(message, dict):
            raise BrokenChannelError("JSON, but no object")
        return message, blob

    def _receive_bytes(self, length: int, end: float | None) -> None:
        while len(self._buffer) < length:
            if end is not None:
                left = end - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                self._connection.settimeout(left)
            else:
                self._connection.settimeout(None)
            try:
                piece = self._connection.recv(min(1 << 20, max(length - len(self._buffer), 65536)))
            except ConnectionError:
                piece = b""
            if not piece:
                raise EOFError
            self._buffer += piece
            if self._budget is not None:
                self._budget -= len(piece)
                if self._budget < 0:
                    raise BrokenChannelError("more than a submission may send")

    def close(self) -> None:
        """Close this end."""
        self._connection.close()
