"""The two BentoML services: the front door that serves, and the supervisor that keeps the learner alive."""
# BentoML's decorators carry no types.
# mypy: disable-error-code="untyped-decorator"

import asyncio
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import bentoml
from bentoml.validators import ContentType

from perennial.bentoml_workarounds import (
    LateApi,
    drain_before_stopping,
    make_metrics_folder,
    service_options,
    start_lost_processes_again,
    tell_places,
)
from perennial.settings import Settings
from perennial.state import open_state
from perennial.supervisor import keep_running
from service.front import Front
from store.errors import StoreError
from store.registry import production

if TYPE_CHECKING:
    from service.services import Services

_log = logging.getLogger(__name__)

# Where our packages are, in a checkout, an installation or a built Bento.
ROOT = Path(__file__).resolve().parents[1]
MAX_RETRY_SECONDS = 30.0

# BentoML wants the number of workers when the module is imported.
_settings = Settings.load()
_api = LateApi()


@bentoml.service(name="learner", workers=1, **service_options())
class Learner:
    """A process that keeps `perennial learn` alive. Nothing ever asks it, and it loads no network."""

    @bentoml.on_startup
    async def start(self) -> None:
        """Start the learner."""
        learn = [sys.executable, "-m", "perennial", "learn"]
        self._keeping = asyncio.create_task(keep_running(learn), name="learner")

    @bentoml.on_shutdown
    async def stop(self) -> None:
        """Stop the learner."""
        self._keeping.cancel()
        await asyncio.wait([self._keeping])


@bentoml.service(name="perennial", workers=_settings.workers, **service_options())
class Perennial:
    """One serving process: the API, and the methods that BentoML's own client calls."""

    if _settings.learner:
        learner = bentoml.depends(Learner)

    def __init__(self) -> None:
        self._services: Services | None = None
        self._opening: asyncio.Task[None] | None = None

    @bentoml.on_deployment
    def prepare() -> None:
        """Before any worker starts: make the home, migrate the database, see that there is a version."""
        start_lost_processes_again()
        _configure_logging()
        # Again, since this runs where the command was given.
        settings = Settings.load()
        tell_places(settings)
        with open_state(settings) as state, state.database.read() as connection:
            version = production(connection)
        make_metrics_folder(settings.home)
        if version is None or not version.is_served_as_judged:
            _prepare_production()

    @bentoml.on_startup
    async def start(self) -> None:
        """Open the store and begin to follow the production alias; try again where that fails."""
        _configure_logging()
        if not await self._open():
            self._opening = asyncio.create_task(self._open_later(), name="opening")

    @bentoml.on_shutdown
    async def stop(self) -> None:
        """Write what is left, and close."""
        if self._opening is not None:
            self._opening.cancel()
        if self._services is not None:
            await self._services.stop()

    # BentoML's client learns from these how to ask. `Front` passes what it asks to our routes.
    @bentoml.api
    async def predict(self, image: Annotated[Path, ContentType("image/*")]) -> dict[str, Any]:
        """Answer one image, as `POST /v1/predict` does."""
        raise NotImplementedError("POST /v1/predict answers this.")

    @bentoml.api
    async def feedback(self, prediction_id: str, label: str) -> dict[str, Any]:
        """Take the label of an earlier prediction, as `POST /v1/feedback` does."""
        raise NotImplementedError("POST /v1/feedback answers this.")

    async def _open(self) -> bool:
        # BentoML's parent imports this module too, and needs no torch.
        from perennial.serving import build
        from service.api import create_api
        from service.tuning import spare_the_collector

        try:
            services = await asyncio.to_thread(build, _settings)
        except (StoreError, OSError, ValueError):
            _log.exception("the store could not be opened; this process is not ready before it can be")
            return False
        self._services = services
        await services.start()
        _api.give(create_api(services), services.metrics.observe_request)
        drain_before_stopping(services.readiness.end, _settings.drain_seconds)
        spare_the_collector()
        return True

    async def _open_later(self) -> None:
        wait = 1.0
        while not await self._open():
            await asyncio.sleep(wait)
            wait = min(2 * wait, MAX_RETRY_SECONDS)


def _prepare_production() -> None:
    # In a process of its own, so that this one, which only watches the others, never loads torch.
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-m", "perennial", "prepare"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        check=False,
    )
    if done.returncode != 0:
        _log.error(
            "production could not be prepared; without a version the server waits for 'perennial train'"
        )


def _configure_logging() -> None:
    # BentoML has set the handlers; how much our rooms tell is our setting.
    for room in ("perennial", "service", "monitoring", "store", "vision"):
        logging.getLogger(room).setLevel(_settings.log_level.upper())


Perennial.add_asgi_middleware(  # type: ignore[attr-defined]  # the decorator has made a Service of the class
    Front, settings=_settings.service(), observe=_api.observe, api=_api
)
