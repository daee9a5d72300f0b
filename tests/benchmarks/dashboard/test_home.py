"""The home of the benchmark is one that the dashboard can show: each answer has what was filled in."""

from collections.abc import Iterator

import pytest

from benchmarks.dashboard.home import fill
from benchmarks.dashboard.logged import Sizes
from benchmarks.dashboard.pages import addresses
from monitoring import summary
from monitoring.accuracy_history import accuracy_history
from monitoring.alarms import alarms
from monitoring.dashboard.menu import is_page
from store.blobs.blob_store import BlobStore
from store.database.database import Database
from store.database.engine import sqlite_url
from store.database.migrate import migrate
from store.evidence.questions import open_questions
from store.predictions.search import Wanted, search_predictions

SIZES = Sizes(
    num_predictions=1000, num_rounds=24, num_classes=10, num_samples=500, num_golden=50, num_new=20,
    num_alarms=3,
)  # fmt: skip


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("home")
    url = sqlite_url(folder / "perennial.db")
    migrate(url)
    database, blobs = Database(url), BlobStore(str(folder / "blobs"))
    fill(database, blobs, SIZES)
    yield database
    database.close()
    blobs.close()


def test_the_overview_has_a_production_version_with_its_accuracy_over_time(database: Database) -> None:
    with database.read() as connection:
        status = summary.status(connection, threshold=500)
        history = accuracy_history(connection)
    assert status.production == "v13"
    assert len(history.moves) == 13
    assert all(move.old is not None for move in history.moves)


def test_rounds_and_versions_are_as_many_as_were_asked_for(database: Database) -> None:
    with database.read() as connection:
        rounds = summary.rounds(connection, limit=100)
        models = summary.models(connection, limit=100)
        detail = summary.round_detail(connection, 23)
    assert [each.state for each in rounds.rounds[:2]] == ["rejected", "promoted"]
    assert (len(rounds.rounds), len(models.models)) == (24, 13)
    assert detail.candidate == "v13"


def test_forgetting_and_drift_have_figures(database: Database) -> None:
    with database.read() as connection:
        forgetting = summary.forgetting(connection)
        drift = summary.drift(connection)
    assert len(forgetting.slices) == 9
    assert len(drift.points) == 500


def test_predictions_questions_and_alarms_can_be_shown(database: Database) -> None:
    with database.read() as connection:
        page = search_predictions(connection, Wanted(), limit=30)
        questions = open_questions(connection, "ann", 24)
        listed = alarms(connection)
    assert len(page.predictions) == 30
    assert len(questions) == 24
    assert (len(listed.alarms), listed.num_open) == (3, 1)


def test_the_benchmark_loads_pages_that_exist() -> None:
    asked = addresses(Sizes(), "0199")
    assert {"/", "/rounds/199", "/versions/v101/against/v100", "/images/0199"} <= set(asked)
    assert [path for path in asked if not is_page(path.partition("?")[0])] == []
