"""Messages between the grader and a process that runs or judges a submission.

A message is a small JSON object followed by bytes (a *blob*) for large content. A submission may
control the other end, so the size of everything received is limited and its content is not
trusted.

``multiprocessing.connection.Connection`` has no timeout within a message: a submission could block
the grader forever by sending half a message. It also cannot resume reading a message that was
interrupted when the time limit of a cell was reached.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any

HEADER = struct.Struct("!II")
MAX_MESSAGE_BYTES = 1 << 16  # parsed JSON can take thirty times its size in memory
MAX_BLOB_BYTES = 64 << 20


class BrokenChannelError(RuntimeError):
    """The other end sent something that is not a valid message."""


class Channel:
    """One end of a connection.

    Parameters
    ----------
    connection : socket
        A connected stream socket.
    budget : int, optional
        Largest total number of bytes to receive; unlimited by default.
    """

    def __init__(self, connection: socket.socket, *, budget: int | None = None):
        self._connection = connection
        self._budget = budget
        self._buffer = bytearray()

    def send(
        self, message: dict[str, Any], blob: bytes = b"", timeout: float | None = None
    ) -> None:
        """Send a message.

        Parameters
        ----------
        message : dict
            An object that JSON can represent.
        blob : bytes
            Large content that accompanies it.
        timeout : float, optional
            In seconds; by default, wait forever.

        Raises
        ------
        TimeoutError
            If the other end has not received it within the timeout.
        """
        content = json.dumps(message).encode("utf-8", "surrogatepass")
        self._connection.settimeout(timeout)
        self._connection.sendall(HEADER.pack(len(content), len(blob)) + content)
        if blob:
            self._connection.sendall(blob)

    def receive(self, timeout: float | None = None) -> tuple[dict[str, Any], bytes]:
        """Receive the next message and its blob.

        Parameters
        ----------
        timeout : float, optional
            In seconds; by default, wait forever.

        Returns
        -------
        message : dict
        blob : bytes

        Raises
        ------
        TimeoutError
            If it is not complete within the timeout. The next call continues to read it.
        EOFError
            If the connection was closed.
        BrokenChannelError
            If it is not a valid message, or exceeds a size limit or the budget.
        """
        end = None if timeout is None else time.monotonic() + timeout
        self._receive_bytes(HEADER.size, end)
        length, extra = HEADER.unpack_from(self._buffer)
        if length > MAX_MESSAGE_BYTES or extra > MAX_BLOB_BYTES:
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
