"""What a round starts from, read from the store in short reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import Connection

from retrain.dataset import RoundSamples, collect
from retrain.errors import NoChampionError
from retrain.evidence.logged_predictions import logged_images
from retrain.evidence.old_images import OldImages, old_images
from retrain.lost_images import without_lost_images
from retrain.settings import RoundSettings
from store import leases, registry
from store.classes.learning import classes_to_learn, hold_out
from store.errors import ChampionChangedError
from store.evidence.slice_history import merge_old_slices
from store.rounds.records import find_round
from store.samples.splits import SplitSettings, splitter
from store.state import State
from store.versions import Version
from vision.adaptation.choice import MIN_UNLABELLED


@dataclass(frozen=True, slots=True)
class RoundInputs:
    """What a round starts from.

    Attributes:
        champion: The version in production.
        samples: Those of the round, by what they are for.
        lost: Ids of samples that are left out, since their image is lost.
        old: The old images that must not be lost.
        logged: Logged images to rehearse and held out, for a champion without a golden set.
        target_images: SHA-256 of recent images of production, where the round adapts to them.
        accepted_by: Who accepted each class that production does not know.
    """

    champion: Version
    samples: RoundSamples
    old: OldImages
    logged: tuple[list[str], list[str]] | None
    target_images: tuple[str, ...] = ()
    lost: tuple[int, ...] = ()
    accepted_by: Mapping[str, str] = field(default_factory=dict)


def read_inputs(
    state: State, settings: RoundSettings, round_id: int, rng: np.random.Generator, fencing: int
) -> RoundInputs:
    """Read what round `round_id` starts from, after old slices were merged.

    Raises:
        NoChampionError: There is no production version.
        ChampionChangedError: Production is no longer the version from which the round began.
        FencedError: The lease went to another learner.
        LeakageError: An image would be both learnt and judged.
    """
    with state.database.read() as connection:
        champion = _champion(connection, round_id)
    merge_old_slices(state.database, champion, fencing=fencing)
    _hold_out(state, fencing)
    with state.database.read() as connection:
        ratio = settings.fine_tune.replay_ratio
        num_memory = 0 if settings.candidates == "full" else settings.head_memory
        samples = collect(connection, champion, ratio, rng, num_memory=num_memory)
        rank = splitter(connection, SplitSettings()).rank
        accepted_by = classes_to_learn(connection)
    samples, lost = without_lost_images(samples, state.blobs)
    old = old_images(samples.slices, champion.class_names, rank)
    has_golden = any(len(part) for part in old.golden)
    return RoundInputs(
        champion=champion,
        samples=samples,
        old=old,
        logged=None if has_golden else logged_images(state, settings.max_agreement, settings.limits),
        target_images=_target_images(state, settings),
        lost=tuple(lost),
        accepted_by=accepted_by,
    )


def _hold_out(state: State, fencing: int) -> None:
    """Keep enough samples of new classes to judge on, where there are such classes."""
    with state.database.read() as connection:
        if not classes_to_learn(connection):
            return

    def work(connection: Connection) -> None:
        leases.check(connection, fencing)
        hold_out(connection)

    state.database.write(work)


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
    images, _ = logged_images(state, settings.max_adapted, settings.limits)
    return tuple(images[: settings.max_adapted]) if len(images) >= MIN_UNLABELLED else ()
