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
import click
from bentoml.validators import ContentType

from perennial.bentoml_workarounds import (
    LateApi,
    drain_before_stopping,
    end_with_server,
    export_places,
    limit_connections,
    make_metrics_folder,
    service_options,
    start_lost_processes_again,
)
from perennial.errors import PerennialError, PlaceRefusedError
from perennial.running_servers import hold_home
from perennial.server import Address, check_keys
from perennial.settings.settings import Settings
from perennial.state import open_state, prepare_home
from perennial.supervisor import keep_running
from retrain.learner.round_process import killed_with_parent
from service.middleware.stack import MiddlewareStack
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
limit_connections(_settings.connections())


@bentoml.service(name="learner", workers=1, **service_options())
class Learner:
    """A process that keeps `perennial learn` alive. It gets no requests, and loads no network."""

    @bentoml.on_startup
    async def start(self) -> None:
        """Start the learner."""
        end_with_server()
        learn = [sys.executable, "-m", "perennial", "learn"]
        self._keeping = asyncio.create_task(keep_running(learn), name="learner")

    @bentoml.on_shutdown
    async def stop(self) -> None:
        """Stop the learner."""
        self._keeping.cancel()
        await asyncio.wait([self._keeping])


@bentoml.service(
    name="perennial",
    workers=_settings.workers,
    # BentoML warns where a GPU that it was asked for is missing: so only where the setting demands one.
    **({"resources": {"gpu": 1}} if _settings.device == "cuda" else {}),
    **service_options(),
)
class Perennial:
    """One serving process: the API, and the methods that BentoML's own client calls."""

    if _settings.learner:
        learner = bentoml.depends(Learner)

    def __init__(self) -> None:
        self._services: Services | None = None
        self._opening: asyncio.Task[None] | None = None

    @bentoml.on_deployment
    def prepare() -> None:
        """Prepare the home, the database and production; BentoML calls this before any worker starts."""
        start_lost_processes_again()
        _configure_logging()
        # Loaded again, since this runs in the folder of the command.
        settings = Settings.load()
        export_places(settings)
        try:
            check_keys(settings)
            _hold_home(settings)
            with open_state(settings) as state, state.database.read() as connection:
                version = production(connection)
            make_metrics_folder(settings.home)
        except (PerennialError, StoreError, OSError) as error:
            # Before any process starts: it would only add a hundred lines to what is to be done.
            reason = PlaceRefusedError.of(error) if isinstance(error, OSError) else error
            sys.stderr.write(f"Error: {reason}\n")
            raise SystemExit(2) from None
        if version is None or not version.is_served_as_judged:
            _prepare_production()

    @bentoml.on_startup
    async def start(self) -> None:
        """Open the store and begin to follow the production alias; try again where that fails."""
        end_with_server()
        _configure_logging()
        if not await self._open():
            self._opening = asyncio.create_task(self._open_later(), name="opening")

    @bentoml.on_shutdown
    async def stop(self) -> None:
        """Finish pending writes, and close."""
        if self._opening is not None:
            self._opening.cancel()
        if self._services is not None:
            await self._services.stop()

    # BentoML's client reads its methods from these. `MiddlewareStack` passes their requests to our routes.
    @bentoml.api
    async def predict(self, image: Annotated[Path, ContentType("image/*")]) -> dict[str, Any]:
        """Answer one image, as `POST /v1/predict` does."""
        raise NotImplementedError("POST /v1/predict answers this.")

    @bentoml.api
    async def feedback(self, prediction_id: str, label: str) -> dict[str, Any]:
        """Record the label of an earlier prediction, as `POST /v1/feedback` does."""
        raise NotImplementedError("POST /v1/feedback answers this.")

    async def _open(self) -> bool:
        # Imported only here, since BentoML's parent imports this module too and must not load torch.
        from perennial.worker import build
        from service.api import create_api
        from service.inference.tuning import freeze_imported_objects

        try:
            services = await asyncio.to_thread(build, _settings)
        except (StoreError, OSError, ValueError) as error:
            _api.obstacle = f"its store could not be opened ({error})"
            _log.exception("the store could not be opened; this process is not ready until it is")
            return False
        self._services = services
        await services.start()
        _api.set_api(create_api(services), services.metrics.observe_request)
        drain_before_stopping(services.readiness.end, _settings.drain_seconds)
        freeze_imported_objects()
        return True

    async def _open_later(self) -> None:
        wait = 1.0
        while not await self._open():
            await asyncio.sleep(wait)
            wait = min(2 * wait, MAX_RETRY_SECONDS)


def _hold_home(settings: Settings) -> None:
    """Prepare the home, and keep other servers off it."""
    command = click.get_current_context(silent=True)
    # Where BentoML's own command is told to listen, our settings know nothing of it.
    asked = command.params if command is not None else {}
    address = Address.of(asked.get("host") or settings.host, asked.get("port") or settings.port)
    hold_home(settings, address.url)
    prepare_home(settings)


def _prepare_production() -> None:
    # In a process of its own, so that the parent never loads torch.
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-m", "perennial", "prepare"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        check=False,
        preexec_fn=killed_with_parent(),
    )
    if done.returncode != 0:
        _log.error(
            "production could not be prepared; without a version the server waits for 'perennial train'"
        )


def _configure_logging() -> None:
    # BentoML has set the handlers; our setting is the level of our own loggers.
    for room in ("perennial", "service", "monitoring", "store", "vision"):
        logging.getLogger(room).setLevel(_settings.log_level.upper())


Perennial.add_asgi_middleware(  # type: ignore[attr-defined]  # the decorator made it a Service
    MiddlewareStack, settings=_settings.service(), observe=_api.observe, api=_api
)
