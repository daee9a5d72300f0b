"""What is done because of how BentoML behaves, with what goes wrong without it and what upstream knows of it.

Some of it stands where it has to:

- `service/front.py` passes to BentoML only what it alone answers. Its errors have shapes of their own, a
  mounted app's too (bentoml/BentoML#4317); its router takes a quarter of what a request costs (ADR 10); its
  `/predict` takes an image's address instead of an image, and fetches it (bentoml/BentoML#5644).
- `service/unforeseen.py` answers whatever fails: BentoML's time limit waits for an answer to begin, so who
  asked would wait until the time is over. No upstream issue found.
- `perennial/server.py` resolves the host: BentoML takes numbers only. No upstream issue found. It also sets
  BENTOML_DO_NOT_TRACK, as `Makefile` and `Dockerfile` do: BentoML's command reports its use as soon as it
  begins, so that our module is imported too late to stop it (bentoml/BentoML#1534 says how).
"""

import asyncio
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from perennial.settings import Settings
from perennial.settings_sources import CONFIG, DEFAULT_FILE
from service.errors import NotReadyError, answer_for, body_for
from service.observing import Observation

# Until the answer begins, the body's way here included.
REQUEST_SECONDS = 60
METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def service_options() -> dict[str, Any]:
    """Return what both services are told.

    - Its limit on a request's time can't be left out, and the timers are never stopped: a kilobyte each until
      the time is over. A minute of them takes 6 MiB at 200 requests a second. No upstream issue found.
    - It makes a span of every message, also where nobody exports any, which costs the event loop. There is no
      switch, but addresses can be left out (bentoml/BentoML#2829). Whoever configures BentoML decides.
    - Its metrics and its access log would come besides ours.
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
    """Let BentoML do so in a container too; call it before the first process starts (ADR 7).

    There it would not, and would end the server with the last process of a service: losing the learner's
    supervisor must never do that. No upstream issue found.
    """
    os.environ.pop("BENTOML_CONTAINERIZED", None)


def tell_places(settings: Settings) -> None:
    """Tell the processes that BentoML starts where the state and the settings are.

    A built Bento is imported, and its workers run, in its own folder (bentoml/BentoML#2263). Call it where
    the command was given: only there a relative place means what it says.
    """
    os.environ.update(settings.places())
    if CONFIG not in os.environ and Path(DEFAULT_FILE).is_file():
        os.environ[CONFIG] = str(Path(DEFAULT_FILE).absolute())


def make_metrics_folder(home: Path) -> None:
    """Make the folder in which the metrics of this server's workers meet; remove those of ended servers.

    BentoML has one folder for all servers of a user, and empties it when another one starts; another can't be
    named (bentoml/BentoML#3207). This is called in the server's parent process.
    """
    folders = home / "metrics"
    folders.mkdir(exist_ok=True)
    for folder in folders.iterdir():
        if folder.name == str(os.getpid()) or not _is_running(folder.name):
            shutil.rmtree(folder, ignore_errors=True)
    (folders / str(os.getpid())).mkdir()


def use_metrics_folder(home: Path) -> str | None:
    """Let this worker's metrics go to its server's folder; return that. Call it before any metric."""
    folder = home / "metrics" / str(os.getppid())
    if folder.is_dir():
        os.environ[METRICS_VARIABLE] = str(folder)
    return os.environ.get(METRICS_VARIABLE)


class LateApi:
    """An ASGI app that answers 503 until it is given the API: BentoML wants the app before it starts us.

    No upstream issue found.
    """

    def __init__(self) -> None:
        self._api: ASGIApp | None = None
        self._observe: Observation | None = None

    def give(self, api: ASGIApp, observe: Observation) -> None:
        """Pass requests, and what is observed of them, on from now on."""
        self._api, self._observe = api, observe

    def observe(self, route: str, method: str, status: int, seconds: float) -> None:
        """Pass one observation on; before the API is there nobody counts."""
        if self._observe is not None:
            self._observe(route, method, status, seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if self._api is not None:
            await self._api(scope, receive, send)
        elif scope["type"] == "http":
            error = NotReadyError("Expected a server that has started, found one that is starting.")
            answer = answer_for(error)
            await JSONResponse(body_for(error), answer.status, answer.headers)(scope, receive, send)


def drain_before_stopping(on_signal: Callable[[], None], drain_seconds: float) -> None:
    """From now on let SIGTERM call `on_signal` at once, and what it did before only after `drain_seconds`.

    BentoML's hooks run when no connection is taken any more, so who sends requests would meet a closed port
    before it could see the process not ready. No upstream issue found. Call it on the main thread, inside the
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


def _is_running(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
