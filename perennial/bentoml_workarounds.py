"""Works around BentoML; each function says what goes wrong without it, and names the upstream issue.

Other workarounds are in the modules that need them:

- `service/middleware/stack.py` passes to BentoML only what it alone answers. Its errors have shapes of their
  own, a mounted app's too (bentoml/BentoML#4317); its router takes a quarter of what a request costs (ADR
  10); its `/predict` takes an image's address instead of an image, and fetches it (bentoml/BentoML#5644).
- `service/middleware/unexpected_errors.py` answers whatever fails: BentoML's time limit waits for an answer
  to begin, so a client would wait until the time is over. No upstream issue found.
- `perennial/server.py` resolves the host: BentoML takes numbers only. No upstream issue found. It also sets
  BENTOML_DO_NOT_TRACK, as `Makefile` and `Dockerfile` do: BentoML's command reports its use as soon as it
  begins, so that our module is imported too late to stop it (bentoml/BentoML#1534 says how).
"""

import asyncio
import atexit
import logging
import os
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from prometheus_client import values
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import HTTP_PROTOCOLS

from monitoring.metrics import RESERVED_BYTES
from perennial.settings.settings import Settings
from perennial.settings.sources import CONFIG, DEFAULT_FILE
from retrain.learner.round_process import killed_with_parent
from service.connections import bounded_protocol
from service.errors import NotReadyError, response_for
from service.middleware.request_metrics import Observation
from service.settings import ConnectionSettings

# Until the answer begins; receiving the body counts too. Ours is shorter, and answers in our shape.
REQUEST_SECONDS = 120
METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
# Descriptors that a process needs for the database, the bytes of images and the metrics.
RESERVED_DESCRIPTORS = 128
# From the server's first process to its workers; no settings of the user's.
_SERVER_VARIABLE = "_PERENNIAL_SERVER"
_METRICS_PLACE = "_PERENNIAL_METRICS"

_log = logging.getLogger(__name__)


def service_options() -> dict[str, Any]:
    """Return the options of both services.

    - Its limit on a request's time can't be left out, and the timers are never stopped: a kilobyte each until
      the time is over. Two minutes of them take 12 MiB at 200 requests a second. No upstream issue found.
    - It makes a span of every message, also where nobody exports any, which costs the event loop. There is no
      switch, but addresses can be left out (bentoml/BentoML#2829). A configuration of BentoML's wins.
    - Its metrics and its access log would double ours.
    """
    options: dict[str, Any] = {
        "traffic": {"timeout": REQUEST_SECONDS},
        "metrics": {"enabled": False},
        "logging": {"access": {"enabled": False}},
    }
    if not {"BENTOML_CONFIG", "BENTOML_CONFIG_OPTIONS"} & os.environ.keys():
        options["tracing"] = {"excluded_urls": ".*"}
    return options


def start_lost_processes_again() -> None:
    """Make BentoML start lost processes again in a container too; call it before the first process starts.

    Else, in a container, the server ends with the last process of a service, such as the learner's supervisor
    (ADR 7). No upstream issue found.
    """
    os.environ.pop("BENTOML_CONTAINERIZED", None)


def export_places(settings: Settings) -> None:
    """Set the variables that tell BentoML's processes where the state and the settings are.

    A built Bento is imported, and its workers run, in its own folder (bentoml/BentoML#2263). Call it
    in the folder of the command, since relative places start there.
    """
    os.environ.update(settings.places())
    if CONFIG not in os.environ and Path(DEFAULT_FILE).is_file():
        os.environ[CONFIG] = str(Path(DEFAULT_FILE).absolute())


def end_with_server() -> None:
    """Make this worker end with the server's first process, however that ends.

    Else workers would go on serving, and hold the port, when the first process is killed. No upstream issue
    found. Call it on the main thread.
    """
    server = os.environ.get(_SERVER_VARIABLE)
    if server is None:
        return
    be_killed = killed_with_parent()
    if be_killed is not None:
        be_killed()
    else:
        threading.Thread(target=_watch_parent, args=(server,), name="watch-server", daemon=True).start()
    # It may have ended before the lines above.
    if str(os.getppid()) != server:
        os._exit(1)


def _watch_parent(server: str) -> None:
    while str(os.getppid()) == server:
        time.sleep(1)
    os._exit(1)


def make_metrics_folder(home: Path, memory: Path = Path("/dev/shm")) -> None:
    """Make the folder that this server's workers share for metrics; remove those of ended servers.

    BentoML has one folder for all servers of a user, and empties it when another server starts. No other
    folder can be named (bentoml/BentoML#3207). Call it in the server's parent process.

    Metrics are mapped into memory: on a full disk the system would kill whoever counts. So they lie in
    memory where the system has a place for that.
    """
    os.environ[_SERVER_VARIABLE] = str(os.getpid())
    place = memory if os.access(memory, os.W_OK) else home / "metrics"
    place.mkdir(exist_ok=True)
    for folder in place.glob("perennial-*-*"):
        is_ours = folder.stat().st_uid == os.getuid()
        if is_ours and not is_running(folder.name.split("-")[1]):
            shutil.rmtree(folder, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"perennial-{os.getpid()}-", dir=place))
    os.environ[_METRICS_PLACE] = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)


def use_metrics_folder() -> str | None:
    """Use its server's folder for this worker's metrics, and return it. Call it before the first metric.

    Where there is no room for them the worker counts for itself alone, and None is returned.
    """
    folder = os.environ.get(_METRICS_PLACE, os.environ.get(METRICS_VARIABLE))
    if folder is None:
        return None
    os.environ[METRICS_VARIABLE] = folder
    try:
        reserve_files(Path(folder))
    except OSError as error:
        _log.warning("the metrics are this process's alone: %s has no room (%s)", folder, error.strerror)
        values.ValueClass = values.MutexValue
        return None
    return folder


def reserve_files(folder: Path) -> None:
    """Write the files that this process is about to count in, whole, and cut those of ended processes.

    Raises:
        OSError: There is no room for them.
    """
    for file in folder.glob("*_*.db"):
        if not is_running(file.stem.rpartition("_")[2]):
            num_used = int.from_bytes(file.read_bytes()[:4], sys.byteorder)
            os.truncate(file, min(num_used, file.stat().st_size))
    for kind in ("counter", "histogram"):
        file = folder / f"{kind}_{os.getpid()}.db"
        if not file.exists():
            try:
                file.write_bytes(bytes(RESERVED_BYTES))
            except OSError:
                file.unlink(missing_ok=True)
                raise


def limit_connections(settings: ConnectionSettings) -> None:
    """Make uvicorn's connections ours in this process; call it before BentoML configures uvicorn.

    BentoML passes no limit to uvicorn, and uvicorn has none for heads, half-sent requests or idle new
    connections. Its table of protocols is where one of ours is named. No upstream issue found.
    """
    num_descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    possible = max(num_descriptors - RESERVED_DESCRIPTORS, num_descriptors // 4)
    limited = replace(settings, max_connections=min(settings.max_connections, possible))
    HTTP_PROTOCOLS["auto"] = bounded_protocol(limited)  # type: ignore[assignment]  # uvicorn takes both


class LateApi:
    """An ASGI app that answers 503 until it has the API: BentoML needs the app before it starts a worker.

    No upstream issue found.
    """

    def __init__(self) -> None:
        self._api: ASGIApp | None = None
        self._observe: Observation | None = None
        # Why there is none yet, as whoever asks is told.
        self.obstacle = "it is starting"

    def set_api(self, api: ASGIApp, observe: Observation) -> None:
        """Pass requests and observations on from now on."""
        self._api, self._observe = api, observe

    def observe(self, route: str, method: str, status: int, seconds: float) -> None:
        """Pass one observation on; it is dropped before the API is set."""
        if self._observe is not None:
            self._observe(route, method, status, seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if self._api is not None:
            await self._api(scope, receive, send)
        elif scope["type"] == "http":
            error = NotReadyError(f"Expected a server that has started: {self.obstacle.rstrip('.')}.")
            await response_for(error)(scope, receive, send)


def drain_before_stopping(on_signal: Callable[[], None], drain_seconds: float) -> None:
    """Make SIGTERM call `on_signal` at once, and its former handler only after `drain_seconds`.

    BentoML's hooks run when the port is closed already, so a client would meet a closed port before it could
    see that the process is not ready. No upstream issue found. Call it on the main thread, inside the
    running event loop, once the server has set its own handlers.
    """
    loop = asyncio.get_running_loop()
    stop = signal.getsignal(signal.SIGTERM)
    if not callable(stop):
        return

    def begin(number: int, frame: FrameType | None) -> None:
        on_signal()
        # A second signal stops at once.
        signal.signal(signal.SIGTERM, stop)
        loop.call_soon_threadsafe(loop.call_later, drain_seconds, stop, number, frame)

    signal.signal(signal.SIGTERM, begin)


def is_running(pid: str | int) -> bool:
    """Return whether a process runs, also one of another user; False for what is no process number."""
    try:
        os.kill(int(pid), 0)
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
