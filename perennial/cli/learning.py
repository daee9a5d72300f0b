"""`learn` and `migrate`, with the hidden commands of the learner's children and of a server's start."""

from typing import Literal

import click

from perennial.cli.output import configure_logging, json_option, print_result
from perennial.running_servers import refuse_taken
from perennial.settings.settings import Settings
from perennial.state import open_state, prepare_home
from store.database.revision import newest_revision


@click.command()
def learn() -> None:
    """Run the learner alone, until it is stopped."""
    from retrain.learner.scheduler import Learner

    settings = Settings.load()
    configure_logging(settings)
    prepare_home(settings)
    with open_state(settings) as state:
        Learner(state.database, state.blobs, settings.learning()).run()


@click.command()
@json_option
def migrate(as_json: bool) -> None:
    """Make the database's tables, or bring them to this release's.

    `up`, `serve` and `learn` do it by themselves. Stop the servers of an earlier release first. An SQLite
    file is copied before.
    """
    settings = Settings.load()
    refuse_taken(settings)
    prepare_home(settings)
    revision = newest_revision()
    result = {"home": str(settings.home), "revision": revision}
    sentence = f"The database of {settings.home} has the tables of revision {revision}."
    print_result(result, as_json=as_json, show=lambda out: out.print(sentence))


@click.command("run-round", hidden=True)
@click.argument("round_id", type=int)
@click.option("--fencing", type=int, required=True)
@click.option("--priority", type=click.Choice(["idle", "low", "normal"]), required=True)
def run_round(round_id: int, fencing: int, priority: Literal["idle", "low", "normal"]) -> None:
    """Run one round; the learner calls this in a process of its own."""
    from retrain.learner.priority import yield_to_serving
    from retrain.learner.round_process import die_with_parent

    priority_error = yield_to_serving(priority)
    die_with_parent()
    from retrain.journal import Journal
    from retrain.learner.progress_floor import watch_progress

    settings = Settings.load()
    configure_logging(settings)
    with open_state(settings) as state:
        journal = Journal(state.database, round_id, fencing)
        floor = watch_progress(journal, priority) if priority_error is None else None
        # Only now: it loads torch, which takes a starved round minutes, and its threads inherit the priority.
        from retrain.learner import child

        status = child.main(state, settings.round(), journal, floor, priority_error)
    raise SystemExit(status)


@click.command("run-watch", hidden=True)
@click.argument("watch_id", type=int)
@click.option("--fencing", type=int, required=True)
@click.option("--priority", type=click.Choice(["idle", "low", "normal"]), required=True)
def run_watch(watch_id: int, fencing: int, priority: Literal["idle", "low", "normal"]) -> None:
    """Let production's predecessor answer for a watch; the learner calls this in a process of its own."""
    from retrain.learner.priority import yield_to_serving
    from retrain.learner.round_process import die_with_parent

    priority_error = yield_to_serving(priority)
    die_with_parent()
    from retrain.learner.progress_floor import watch_answering

    settings = Settings.load()
    configure_logging(settings)
    floor = watch_answering(priority) if priority_error is None else None
    with open_state(settings) as state:
        # Only now, since it loads torch.
        from retrain.learner import watch_child

        status = watch_child.main(state, settings.round(), watch_id, fencing, floor)
    raise SystemExit(status)


@click.command(hidden=True)
def prepare() -> None:
    """Make the model or the served form that production lacks."""
    settings = Settings.load()
    configure_logging(settings)
    with open_state(settings) as state:
        # Imported only now, since they load torch.
        from transfer.served_forms import add_served_form
        from transfer.starter import ensure_production

        version = ensure_production(state, settings.train())
        if not version.is_served_as_judged:
            add_served_form(state, settings.train(), version)
