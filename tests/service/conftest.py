"""A real store, a real small network, and the API around them, without a network connection."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
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
from service.front import Front
from service.services import Collaborators, Services, build_services
from service.settings import ServiceSettings
from store.blobs import BlobStore
from store.database import Database, migrate
from store.registry import NewVersion, add_version, promote
from vision.artifact import Artifact, to_files
from vision.network import build_classifier
from vision.preprocessing import preprocessing_for

CLASS_NAMES = ("blue", "green", "red")


def picture(number: int = 0, kind: str = "JPEG") -> bytes:
    """Return an image of 32 × 32 pixels, another one for each number."""
    pixels = np.random.default_rng(number).integers(0, 255, (8, 8, 3)).repeat(4, axis=0).repeat(4, axis=1)
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, kind)
    return buffer.getvalue()


def small_artifact(seed: int, class_names: tuple[str, ...] = CLASS_NAMES) -> Artifact:
    """Return a ResNet-18 for 32 × 32 pixels with weights of its own."""
    torch.manual_seed(seed)
    state = build_classifier("resnet18", len(class_names), "none").state_dict()
    return Artifact("resnet18", class_names, preprocessing_for("resnet18", 32), state)


@dataclass(frozen=True)
class Store:
    """A database and blobs under one folder."""

    database: Database
    blobs: BlobStore

    def add(self, artifact: Artifact, *, promoted: bool = True) -> str:
        """Add a version, and make it production."""
        files = {name: self.blobs.put(content) for name, content in to_files(artifact).items()}
        new = NewVersion(artifact.class_names, files)
        version = self.database.write(lambda connection: add_version(connection, new, []))
        if promoted:
            self.database.write(
                lambda connection: promote(
                    connection, version.version, reason="test", actor="test", force=True
                )
            )
        return version.version


@pytest.fixture(scope="session")
def artifacts() -> list[Artifact]:
    """Two classifiers of the same classes."""
    return [small_artifact(1), small_artifact(2)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path / 'perennial.db'}"
    migrate(url)
    database = Database(url, busy_timeout_seconds=1.0)
    yield Store(database, BlobStore(str(tmp_path / "blobs")))
    database.close()


def build(store: Store, settings: ServiceSettings) -> Services:
    registry = CollectorRegistry()
    metrics = ServiceMetrics(registry)
    exposition = Exposition(registry, StoreCollector(store.database, settings.threshold))
    return build_services(Collaborators(store.database, store.blobs, metrics, exposition), settings)


@dataclass(frozen=True)
class Running:
    """The API with a client that asks it from this machine."""

    client: httpx.AsyncClient
    services: Services


Run = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture
def run(store: Store) -> Run:
    """Return a context manager that runs the API, once a version is loaded where there is one."""

    @asynccontextmanager
    async def running(
        settings: ServiceSettings | None = None, peer: str = "127.0.0.1", *, loads: bool = True
    ) -> AsyncIterator[Running]:
        settings = replace(settings or ServiceSettings(), device="cpu", poll_seconds=0.05)
        services = build(store, settings)
        app = Front(create_api(services), settings)
        transport = httpx.ASGITransport(app, client=(peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            if loads:
                await services.hot_swap.look()
            yield Running(client, services)
            await services.batcher.close()
            await services.log.close()
            await services.hot_swap.stop()

    return running


def run_async(work: Callable[[], object]) -> None:
    asyncio.run(work())  # type: ignore[arg-type]
