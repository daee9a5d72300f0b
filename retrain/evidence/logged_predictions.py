"""Logged images for a champion without a golden set: some to rehearse, and others to judge it on."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from retrain.evidence.image_hashes import hashes_of
from store.evidence.held_out import held_out
from store.predictions.evidence import LoggedImage, unsampled_images
from store.samples.clusters import join, near_pairs
from store.samples.splits import SplitSettings, splitter
from store.state import State
from vision.decoding import ImageLimits

# One in five is judged on, as one sample in five is.
_SHARE = 5
_RANKS = 2**63


def logged_images(state: State, limit: int, limits: ImageLimits) -> tuple[list[str], list[str]]:
    """Return SHA-256s of logged images that are no samples: to rehearse, and to judge on; newest first.

    No hour and no group gives both, and an image to judge on is no near-duplicate of another or of one to
    rehearse: a picture that was rehearsed is answered alike for that reason alone.

    Args:
        state: Where they are logged, and where they lie; those whose bytes were lost are left out.
        limit: Images of each kind, at most.
        limits: What one image may cost.
    """
    with state.database.read() as connection:
        logged = unsampled_images(connection, limit * _SHARE)
        for_pools = held_out(connection, [image.sha256 for image in logged])
        rank = splitter(connection, SplitSettings()).rank
    survivors = set(state.blobs.survivors({image.sha256: image.num_bytes for image in logged}))
    rehearsed, judging = cut([image for image in logged if image.sha256 in survivors], rank)
    rehearsed = [image for image in rehearsed if image.sha256 not in for_pools][:limit]
    hashes = hashes_of(state.blobs, [image.sha256 for image in (*rehearsed, *judging[:limit])], limits)
    unlike = _unlike(
        [image.sha256 for image in rehearsed], [image.sha256 for image in judging[:limit]], hashes
    )
    return [image.sha256 for image in rehearsed if image.sha256 in hashes], unlike


def cut(
    images: Sequence[LoggedImage], rank: Callable[[str], int]
) -> tuple[list[LoggedImage], list[LoggedImage]]:
    """Return images to rehearse and images to judge on, each in their order: four parts and about one.

    Whole groups, and whole hours of what has no group, are on one side. Where one of them has most images,
    single images are cut.

    Args:
        images: Those of the log.
        rank: A keyed hash, from 0 to 2**63 - 1.
    """
    units: defaultdict[str, list[LoggedImage]] = defaultdict(list)
    for image in images:
        units[_unit(image)].append(image)
    if any(2 * len(members) > len(images) for members in units.values()):
        judging = {image.sha256 for image in images if rank(image.sha256) < _RANKS // _SHARE}
    else:
        judging = set()
        for unit in sorted(units, key=rank):
            if _SHARE * len(judging) >= len(images):
                break
            judging |= {image.sha256 for image in units[unit]}
    return [i for i in images if i.sha256 not in judging], [i for i in images if i.sha256 in judging]


def _unit(image: LoggedImage) -> str:
    if image.group is not None:
        return f"{image.source}\0{image.group}"
    return f"{image.created:%Y-%m-%dT%H}"


def _unlike(rehearsed: Sequence[str], judging: Sequence[str], hashes: dict[str, int]) -> list[str]:
    """Return the images to judge on that are near to none before them, those to rehearse among these."""
    images = [sha256 for sha256 in (*rehearsed, *judging) if sha256 in hashes]
    clusters = join(len(images), near_pairs([hashes[sha256] for sha256 in images]))
    first: dict[int, str] = {}
    for sha256, cluster in zip(images, clusters, strict=True):
        first.setdefault(cluster, sha256)
    alone = set(first.values())
    return [sha256 for sha256 in judging if sha256 in alone]
