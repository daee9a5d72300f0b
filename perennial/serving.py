"""Puts one serving process together from the settings."""

from prometheus_client import CollectorRegistry

from monitoring.metrics import Exposition, ServiceMetrics
from monitoring.store_collector import StoreCollector
from perennial.bentoml_workarounds import use_metrics_folder
from perennial.settings import Settings
from service.services import Collaborators, Services, build_services
from service.tuning import forward_on_one_thread, share_heaps
from store.blobs import BlobStore
from store.database import Database


def build(settings: Settings) -> Services:
    """Open the store and return the services over it; nothing is started or loaded yet.

    Raises:
        StoreError: The database or the blob store can't be opened.
        OSError: A folder can't be made or read.
    """
    share_heaps()
    forward_on_one_thread()
    service = settings.service()
    database = Database(settings.database_url)
    shared = use_metrics_folder(settings.home)
    registry = CollectorRegistry()
    given = Collaborators(
        database=database,
        blobs=BlobStore(settings.blobs),
        metrics=ServiceMetrics(registry),
        exposition=Exposition(registry, StoreCollector(database, service.threshold), shared),
    )
    return build_services(given, service)
