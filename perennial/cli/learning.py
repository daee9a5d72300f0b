"""`learn` and what it starts: one round; and what a server needs before it starts."""

import click

from perennial.cli.audience import configure_logging
from perennial.settings import Settings
from perennial.state import open_state


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
def prepare() -> None:
    """Make what production lacks: a starter model, or the form in which a version is served."""
    settings = Settings.load()
    configure_logging(settings)
    with open_state(settings) as state:
        # Only now: they load torch, and nearly every start finds all that it needs.
        from perennial.served_forms import add_served_form
        from perennial.starter import ensure_production

        version = ensure_production(state, settings)
        if not version.is_served_as_judged:
            add_served_form(state, settings, version)
