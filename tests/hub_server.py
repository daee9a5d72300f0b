"""A file server on this machine that plays torch hub, well or badly, and a machine without one."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from torch.hub import get_dir, set_dir

from vision.weights.hub import imagenet_weights


@dataclass
class HubServer:
    """What the hub serves, and what was requested.

    Attributes:
        content: The bytes of every path.
        url: Where it listens.
        num_cuts: Answers that break off in the middle before one comes complete.
        knows_ranges: Whether it honours a Range header.
        status: Answered instead of content where it isn't 200.
        ranges: The Range header of each request; None where it had none.
    """

    content: bytes
    url: str = ""
    num_cuts: int = 0
    knows_ranges: bool = True
    status: int = 200
    ranges: list[str | None] = field(default_factory=list)


@contextmanager
def hub_server(content: bytes) -> Iterator[HubServer]:
    """Serve until the block ends."""
    hub = HubServer(content)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            range_header = self.headers.get("Range")
            hub.ranges.append(range_header)
            if hub.status != 200:
                self.send_error(hub.status)
                return
            match = re.fullmatch(r"bytes=(\d+)-", range_header or "")
            start = int(match.group(1)) if match and hub.knows_ranges else 0
            body = hub.content[start:]
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if hub.num_cuts:
                hub.num_cuts -= 1
                body = body[: len(body) // 2]
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def no_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that has no weights of torch hub and can't download any."""
    before = get_dir()
    set_dir(tmp_path / "hub")
    for name in ("resnet18", "resnet50", "mobilenet_v3_small"):
        weights = imagenet_weights(name).value
        # Nothing listens there, so every download fails at once.
        monkeypatch.setattr(weights, "url", f"http://127.0.0.1:9/{weights.url.rsplit('/', 1)[-1]}")
    yield
    set_dir(before)
