"""A mirror on this machine that serves files well or badly, and counts what it was asked."""

from __future__ import annotations

import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

BEHAVIOURS = ("good", "wrong", "truncated", "404", "500", "stall", "half")


class Mirror:
    """``url("good", name)`` is the address of a file, served in the way of its first part."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: Counter[str] = Counter()
        self.half_sent = threading.Event()  # set once a "half" answer hangs
        self.go_on = threading.Event()  # ends every "stall" and "half"
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                _, behaviour, name = self.path.split("/", 2)
                content = mirror.files[name]
                mirror.asked[f"{behaviour}/{name}"] += 1
                if behaviour in ("404", "500"):
                    self.send_error(int(behaviour))
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if behaviour == "good":
                    self.wfile.write(content)
                elif behaviour == "wrong":
                    self.wfile.write(bytes(len(content)))
                elif behaviour == "truncated":
                    self.wfile.write(content[: len(content) // 2])
                else:
                    if behaviour == "half":
                        self.wfile.write(content[: len(content) // 2])
                        self.wfile.flush()
                        mirror.half_sent.set()
                    mirror.go_on.wait(30)

            def log_message(self, *args) -> None:
                """Keep the output of the tests quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def url(self, behaviour: str, name: str) -> str:
        if behaviour == "gone":  # port 1 of this machine: nothing listens there
            return f"http://127.0.0.1:1/{name}"
        assert behaviour in BEHAVIOURS
        return f"http://127.0.0.1:{self.server.server_address[1]}/{behaviour}/{name}"

    def close(self) -> None:
        self.go_on.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def mirror():
    mirror = Mirror()
    yield mirror
    mirror.close()
