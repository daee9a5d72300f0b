"""`perennial holdout renew SOURCE`: reads labelled images, and makes them the golden images."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from store.evidence.golden_renewal import Renewal, plan_renewal, renew_golden
from store.registry import production
from store.samples.sample import Sample
from store.state import State
from store.versions import Version
from transfer.errors import OptionError, TooFewImagesError
from transfer.importing import import_images
from transfer.settings import TrainSettings
from vision.sources.checking import check_images
from vision.sources.detection import list_images

_NUM_NAMED = 5


@dataclass(frozen=True, slots=True)
class RenewedHoldout:
    """The new golden images.

    Attributes:
        renewal: What changed.
        num_by_class: How many there are of each of production's classes.
        left_out: (name, reason) of images that did not become golden.
        notes: Sentences on what a person may not know of the source.
        num_near: Images that are nearly the same as one that was learnt, and so tell nothing.
    """

    renewal: Renewal
    num_by_class: dict[str, int]
    left_out: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    num_near: int


def renew_holdout(
    state: State,
    settings: TrainSettings,
    source: Path,
    on_read: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> RenewedHoldout:
    """Store a source's images, and make them the golden images in place of the present ones.

    All of its images become golden, whatever part the source puts them in.

    Args:
        state: Where they go.
        settings: What one image may cost.
        source: What `perennial train` would read.
        on_read: Called with a stage, and how many images of how many went through it.

    Raises:
        SourceError: The source can't be read.
        OptionError: Its classes are not production's, or there is no version that was trained.
        TooFewImagesError: None of its images can be golden.
    """
    champion = _champion(state)
    checked = check_images(
        list_images(source, settings.limits),
        settings.limits,
        on_image=lambda done, total: on_read("checking", done, total),
    )
    _check_classes([image.label for image in checked.images], champion.class_names, source)
    num_done, num_images = 0, len(checked.images)

    def on_image() -> None:
        nonlocal num_done
        num_done += 1
        on_read("storing", num_done, num_images)

    imported = import_images(state, {"golden": checked.images}, champion.class_names, settings, on_image)
    with state.database.read() as connection:
        renewal = plan_renewal(connection, champion, [sample.id for sample in imported.golden])
    if not renewal.golden:
        raise TooFewImagesError(
            f"Expected new images in {source}, found none: all are golden already, or nearly the same as "
            "images that were learnt. Add images of other things or moments."
        )
    state.database.write(lambda connection: renew_golden(connection, champion, renewal))
    golden = [sample for sample in imported.golden if sample.id in set(renewal.golden)]
    return RenewedHoldout(
        renewal=renewal,
        num_by_class=_count(golden, champion.class_names),
        left_out=(*checked.left_out, *imported.left_out),
        notes=tuple(checked.notes),
        num_near=imported.num_moved,
    )


def _champion(state: State) -> Version:
    with state.database.read() as connection:
        champion = production(connection)
    if champion is None or champion.is_starter:
        raise OptionError(
            "Expected a production version that was trained on your classes, found "
            f"{'none' if champion is None else 'a starter'}. Run `perennial train DIR` first."
        )
    return champion


def _check_classes(labels: Sequence[str], class_names: Sequence[str], source: Path) -> None:
    unknown = sorted(set(labels) - set(class_names))
    missing = sorted(set(class_names) - set(labels))
    if unknown or missing:
        wrong = [f"{name!r} is no class" for name in unknown] + [f"no image of {name!r}" for name in missing]
        raise OptionError(
            f"Expected images of each of production's {len(class_names)} classes in {source}; found: "
            f"{', '.join(wrong[:_NUM_NAMED])}. Rename or add the folders."
        )


def _count(golden: Sequence[Sample], class_names: Sequence[str]) -> dict[str, int]:
    counts = Counter(sample.label for sample in golden)
    return {name: counts[name] for name in class_names}
