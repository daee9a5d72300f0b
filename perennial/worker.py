"""Builds the services of one serving process; not in `app.py`, since it loads torch."""

from prometheus_client import CollectorRegistry

from monitoring.metrics import Exposition, ServiceMetrics
from monitoring.store_collector import StoreCollector
from perennial.bentoml_workarounds import use_metrics_folder
from perennial.settings.settings import Settings
from service.inference.tuning import forward_on_one_thread, share_arenas
from service.services import Collaborators, Services, build_services
from store.blobs.blob_store import BlobStore
from store.database.database import Database


def build(settings: Settings) -> Services:
    """Open the store and return the services on it; nothing is started or loaded yet.

    Raises:
        StoreError: The database or the blob store can't be opened.
        OSError: A folder can't be made or read.
    """
    share_arenas()
    forward_on_one_thread()
    service = settings.service()
    database = Database(settings.database_url)
    metrics_folder = use_metrics_folder()
    registry = CollectorRegistry()
    collaborators = Collaborators(
        database=database,
        blobs=BlobStore(settings.blobs),
        metrics=ServiceMetrics(registry),
        exposition=Exposition(registry, StoreCollector(database, service.threshold), metrics_folder),
    )
    return build_services(collaborators, service)
