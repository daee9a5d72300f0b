"""A receiver of messages on a free port of this machine, which takes them or fails as it is told."""

import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """What a receiver was sent, and what it answers.

    Attributes:
        answers: For each request in turn: a status, "reset" (the connection is cut), "silence" (no answer)
            or "drip" (an endless head, a byte at a time); after the last one all get 200.
        requests: (headers in lower case, body) of what came, in order.
    """

    answers: list[Any]
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    is_over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def receiving(answers: Sequence[Any] = (), headers: dict[str, str] | None = None) -> Iterator[Receiver]:
    """Start a receiver and stop it in the end."""
    receiver = Receiver(list(answers), headers=headers or {})

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.requests.append(({name.lower(): text for name, text in self.headers.items()}, body))
            answer = receiver.answers.pop(0) if receiver.answers else 200
            if answer == "reset":
                # Closed at once, with what is still to be sent thrown away: a reset, not an end.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.shutdown(socket.SHUT_RD)
            elif answer == "silence":
                receiver.is_over.wait()
            elif answer == "drip":
                self.wfile.write(b"HTTP/1.1 200 OK\r\n")
                while not receiver.is_over.wait(0.02):
                    self._drip()
            else:
                self.send_response(answer)
                for name, text in receiver.headers.items():
                    self.send_header(name, text)
                self.end_headers()

        def _drip(self) -> None:
            try:
                self.wfile.write(b"a: b\r\n")
            except OSError:
                receiver.is_over.wait()

        def log_message(self, format: str, *args: object) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/hooks/a-secret-path"
    try:
        yield receiver
    finally:
        receiver.is_over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
