"""A real store, a real small network, and the API around them, without a network connection."""

import io
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from PIL import Image
from prometheus_client import CollectorRegistry

from monitoring.metrics import Exposition, ServiceMetrics
from monitoring.store_collector import StoreCollector
from service.api import create_api
from service.middleware.stack import MiddlewareStack
from service.services import Collaborators, Services, build_services
from service.settings import ServiceSettings
from store.blobs.blob_store import BlobStore
from store.database.database import Database
from store.database.migrate import migrate
from store.registry import promote
from store.versions import NewVersion, add_version
from vision.artifact import Artifact, to_files
from vision.engines.openvino_engine import Threads
from vision.engines.served_form import make_form
from vision.network import build_classifier
from vision.preprocessing import preprocessing_for

CLASS_NAMES = ("blue", "green", "red")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def picture() -> Callable[..., bytes]:
    """Return a function that makes an image of 32 × 32 pixels, another one for each number."""

    def make(number: int = 0, kind: str = "JPEG") -> bytes:
        blocks = np.random.default_rng(number).integers(0, 255, (8, 8, 3))
        buffer = io.BytesIO()
        Image.fromarray(blocks.repeat(4, axis=0).repeat(4, axis=1).astype(np.uint8)).save(buffer, kind)
        return buffer.getvalue()

    return make


@pytest.fixture(scope="session")
def artifacts() -> list[Artifact]:
    """Return two ResNet-18 for 32 × 32 pixels, of the same classes, with random weights."""
    preprocessing = preprocessing_for("resnet18", 32)
    made = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        state = build_classifier("resnet18", len(CLASS_NAMES), "none").state_dict()
        made.append(Artifact("resnet18", CLASS_NAMES, preprocessing, state))
    return made


@dataclass(frozen=True)
class Store:
    """A database and blobs under one folder."""

    database: Database
    blobs: BlobStore
    folder: Path

    def add(self, artifact: Artifact, *, parent: str | None = None) -> str:
        """Add a version."""
        # With the served form, as `train` stores it: without, each start would convert for a second.
        form = make_form(artifact, [], "float32", Threads())
        contents = to_files(artifact) | form.to_files()
        files = {name: self.blobs.put(content) for name, content in contents.items()}
        new = NewVersion(artifact.class_names, files, parent=parent)
        return self.database.write(lambda connection: add_version(connection, new, [])).version

    def promote(self, version: str) -> None:
        """Make a version production."""
        self.database.write(
            lambda connection: promote(connection, version, reason="a test", actor="test", force=True)
        )


@contextmanager
def open_store(folder: Path) -> Iterator[Store]:
    folder.mkdir(exist_ok=True)
    url = f"sqlite:///{folder / 'perennial.db'}"
    migrate(url)
    database, blobs = Database(url, busy_timeout_seconds=0.5), BlobStore(str(folder / "blobs"))
    yield Store(database, blobs, folder)
    database.close()
    blobs.close()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, artifacts: list[Artifact]) -> Path:
    """A folder with a store whose production is v1; v2, its child, is there too."""
    folder = tmp_path_factory.mktemp("template")
    with open_store(folder) as store:
        store.promote(store.add(artifacts[0]))
        store.add(artifacts[1], parent="v1")
    return folder


@pytest.fixture
def store(tmp_path: Path, empty_database: Path) -> Iterator[Store]:
    """An empty store."""
    (tmp_path / "store").mkdir()
    shutil.copy(empty_database, tmp_path / "store")
    with open_store(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def serving(template: Path, tmp_path: Path) -> Iterator[Store]:
    """A store of the test's own whose production is v1; v2, its child, is there too."""
    folder = tmp_path / "serving"
    shutil.copytree(template / "blobs", folder / "blobs", copy_function=os.link)
    shutil.copy(template / "perennial.db", folder)
    with open_store(folder) as opened:
        yield opened


@dataclass(frozen=True)
class Running:
    """The API, with a client that asks it."""

    client: httpx.AsyncClient
    services: Services
    app: MiddlewareStack


Run = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture
def run() -> Run:
    """Return a context manager that runs the API over a store, with production loaded where there is one."""

    @asynccontextmanager
    async def running(
        store: Store,
        settings: ServiceSettings | None = None,
        peer: str = "127.0.0.1",
        base_url: str = "http://localhost",
    ) -> AsyncIterator[Running]:
        settings = replace(settings or ServiceSettings(), device="cpu")
        registry = CollectorRegistry()
        exposition = Exposition(registry, StoreCollector(store.database, settings.threshold))
        given = Collaborators(store.database, store.blobs, ServiceMetrics(registry), exposition)
        services = build_services(given, settings)
        api = create_api(services)
        app = MiddlewareStack(api, settings, services.metrics.observe_request, api)
        transport = httpx.ASGITransport(app, client=(peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url=base_url) as client:
            await services.hot_swap.look()
            yield Running(client, services, app)
            await services.batcher.close()
            await services.log.close()

    return running
