"""`learn` and what it starts: one round, and the starter model."""

import click

from perennial.cli.audience import configure_logging
from perennial.settings import Settings
from perennial.state import open_state
from store.registry import production


@click.command()
def learn() -> None:
    """Run the learner alone, until it is told to stop."""
    from retrain.scheduler import Learner

    settings = Settings.load()
    configure_logging(settings)
    with open_state(settings) as state:
        Learner(state.database, state.blobs, settings.learning()).run()


@click.command("run-round", hidden=True)
@click.argument("round_id", type=int)
@click.option("--fencing", type=int, required=True)
def run_round(round_id: int, fencing: int) -> None:
    """Run one round; the learner calls this in a process of its own."""
    from retrain import child
    from retrain.priority import yield_to_serving

    obstacle = yield_to_serving()
    child.die_with_parent()
    from retrain.round import Handles

    settings = Settings.load()
    configure_logging(settings)
    with open_state(settings) as state:
        status = child.main(
            Handles(state.database, state.blobs, settings.round()), round_id, fencing, obstacle
        )
    raise SystemExit(status)


@click.command(hidden=True)
def starter() -> None:
    """Make a starter model where there is no model yet."""
    settings = Settings.load()
    configure_logging(settings)
    with open_state(settings) as state:
        with state.database.read() as connection:
            if production(connection) is not None:
                return
        # Only now: it loads torch, and nearly every start finds a model.
        from perennial.starter import ensure_production

        ensure_production(state, settings)
