"""`learn`, with the hidden commands that run one round and prepare a server."""

import click

from perennial.cli.output import configure_logging
from perennial.settings.settings import Settings
from perennial.state import open_state


@click.command()
def learn() -> None:
    """Run the learner alone, until it is stopped."""
    from retrain.learner.scheduler import Learner

    settings = Settings.load()
    configure_logging(settings)
    with open_state(settings) as state:
        Learner(state.database, state.blobs, settings.learning()).run()


@click.command("run-round", hidden=True)
@click.argument("round_id", type=int)
@click.option("--fencing", type=int, required=True)
def run_round(round_id: int, fencing: int) -> None:
    """Run one round; the learner calls this in a process of its own."""
    from retrain.learner import child
    from retrain.learner.resources import yield_to_serving
    from retrain.learner.round_process import die_with_parent

    priority_error = yield_to_serving()
    die_with_parent()
    from retrain.journal import Journal

    settings = Settings.load()
    configure_logging(settings)
    with open_state(settings) as state:
        journal = Journal(state.database, round_id, fencing)
        status = child.main(state, settings.round(), journal, priority_error)
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
