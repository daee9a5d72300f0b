"""What a round starts from, read from the store in short reads."""

from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from retrain.dataset import RoundSamples, collect
from retrain.errors import NoChampionError
from retrain.evaluation import LiveAccuracy
from retrain.logged_predictions import live_accuracy, logged_images
from retrain.settings import RoundSettings
from store import registry, slices
from store.errors import ChampionChangedError
from store.rounds.records import find_round
from store.slices import golden_slice
from store.state import State
from store.versions import Version
from vision.adaptation.choice import MIN_UNLABELLED


@dataclass(frozen=True, slots=True)
class RoundInputs:
    """What a round starts from.

    Attributes:
        champion: The version in production.
        samples: Those of the round, by what they are for.
        live: The champion's accuracy on live traffic.
        logged: Logged images to rehearse and held out, for a champion without a golden set.
        num_earlier_verdicts: Earlier verdicts that judged any of the new holdout.
        target_images: SHA-256 of recent images of production, where the round adapts to them.
    """

    champion: Version
    samples: RoundSamples
    live: LiveAccuracy
    logged: tuple[list[str], list[str]] | None
    num_earlier_verdicts: int
    target_images: tuple[str, ...] = ()


def read_inputs(
    state: State, settings: RoundSettings, round_id: int, rng: np.random.Generator
) -> RoundInputs:
    """Read what round `round_id` starts from.

    Raises:
        NoChampionError: There is no production version.
        ChampionChangedError: Production is no longer the version from which the round began.
        LeakageError: An image would be both learnt and judged.
    """
    with state.database.read() as connection:
        champion = _champion(connection, round_id)
        samples = collect(connection, champion, settings.fine_tune.replay_ratio, rng)
    golden = golden_slice(champion.lineage)
    has_golden = any(members and name.startswith(golden) for name, members in samples.slices.items())
    new = (*samples.new_training, *samples.new_validation, *samples.new_holdout)
    with state.database.read() as connection:
        live = live_accuracy(connection, champion, new, settings.min_audits)
        judged = [sample.id for sample in samples.new_holdout]
        num_earlier_verdicts = slices.num_earlier_verdicts(connection, judged)
    return RoundInputs(
        champion=champion,
        samples=samples,
        live=live,
        logged=None if has_golden else logged_images(state, settings.max_agreement),
        num_earlier_verdicts=num_earlier_verdicts,
        target_images=_target_images(state, settings),
    )


def _champion(connection: Connection, round_id: int) -> Version:
    champion = registry.production(connection)
    if champion is None:
        raise NoChampionError("A round starts from a production version; there is none. Run `train` first.")
    recorded = find_round(connection, round_id).production
    if recorded != champion.version:
        raise ChampionChangedError(f"The round began from {recorded}, and production is {champion.version}.")
    return champion


def _target_images(state: State, settings: RoundSettings) -> tuple[str, ...]:
    if "batch_norm" not in settings.adaptations:
        return ()
    images, _ = logged_images(state, settings.max_adapted)
    return tuple(images[: settings.max_adapted]) if len(images) >= MIN_UNLABELLED else ()
