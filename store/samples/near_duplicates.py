"""Finds known samples whose picture is nearly the same, by the parts of their perceptual hashes.

If two hashes differ in five bits, one of their three parts differs in one bit at most. So a hash is looked up
by each of its parts, as it is and with each one bit flipped: 67 look-ups. Among a million samples, some
thirty of the matches are false. With narrower parts that must be equal it would be seven hundred.

Source:
    Norouzi, Punjani, Fleet, "Fast Search in Hamming Space with Multi-Index Hashing", CVPR 2012.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from store.database.schema import phash_parts, samples
from store.samples.splits import strictest

# In bits, lowest first.
PART_WIDTHS = (21, 21, 22)
MAX_DISTANCE = 2 * len(PART_WIDTHS) - 1
# A photograph's hash has 32 of 64 bits set (each of 4,396 measured), a flat picture's 0 or 1, a plain
# gradient's up to 10: those hashes are all alike, and say nothing about what is shown.
_INFORMATIVE_BITS = range(16, 49)

# Built once: building it takes longer than running it.
_NUM_KEYS = sum(1 + width for width in PART_WIDTHS)
_NAMES = [f"key_{number}" for number in range(_NUM_KEYS)]
_ALIKE = (
    select(samples.c.split, samples.c.phash, func.count().label("num"))
    .where(
        samples.c.id.in_(
            select(phash_parts.c.sample_id).where(
                phash_parts.c.part.in_([bindparam(name) for name in _NAMES])
            )
        )
    )
    # A camera that doesn't move sends thousands with one hash.
    .group_by(samples.c.split, samples.c.phash)
)
_INSERT = insert(phash_parts)


@dataclass(frozen=True, slots=True)
class Near:
    """The known samples near to a hash.

    Attributes:
        split: The strictest of their splits, None where there are none: a picture near to a judged one must
            not be learnt from, however near it is to a learnt one.
        num_held_out: How many of them are of the split holdout.
    """

    split: str | None = None
    num_held_out: int = 0


def near_split(connection: Connection, phash: int, distance: int) -> str | None:
    """Return the strictest split of the known samples near to a hash, or None where none is near."""
    return near_samples(connection, phash, distance).split


def near_samples(connection: Connection, phash: int, distance: int) -> Near:
    """Return what is known of the samples near to a hash.

    Args:
        connection: Where to look.
        phash: Signed, 64 bits.
        distance: Bits that may differ, 5 at most.
    """
    if not is_informative(phash):
        return Near()
    rows = connection.execute(_ALIKE, dict(zip(_NAMES, parts_near(phash), strict=True)))
    limit = min(distance, MAX_DISTANCE)
    near = [row for row in rows if num_differing_bits(row.phash, phash) <= limit]
    num_held_out = sum(row.num for row in near if row.split == "holdout")
    return Near(strictest(row.split for row in near), num_held_out)


def index_sample(connection: Connection, sample_id: int, phash: int) -> None:
    """Make a sample findable by its hash."""
    if is_informative(phash):
        connection.execute(_INSERT, [{"part": part, "sample_id": sample_id} for part in parts_of(phash)])


def forget_sample(connection: Connection, sample_id: int, phash: int) -> None:
    """Make a sample unfindable."""
    is_its = phash_parts.c.part.in_(parts_of(phash)) & (phash_parts.c.sample_id == sample_id)
    connection.execute(delete(phash_parts).where(is_its))


def parts_of(phash: int) -> list[int]:
    """Return the parts of a hash; each says in its upper bits which one it is."""
    rest, parts = phash & (2**64 - 1), []
    for number, width in enumerate(PART_WIDTHS):
        parts.append(number << max(PART_WIDTHS) | rest & ((1 << width) - 1))
        rest >>= width
    return parts


def parts_near(phash: int) -> Iterator[int]:
    """Yield the parts of a hash, each as it is and with every one of its bits flipped."""
    for part, width in zip(parts_of(phash), PART_WIDTHS, strict=True):
        yield part
        for bit in range(width):
            yield part ^ (1 << bit)


def num_differing_bits(first: int, second: int) -> int:
    """Return the Hamming distance of two signed 64-bit hashes.

    >>> num_differing_bits(-1, 0)
    64
    """
    return ((first ^ second) & (2**64 - 1)).bit_count()


def is_informative(phash: int) -> bool:
    """Return whether a hash says something about its picture; those of flat pictures are all alike."""
    return (phash & (2**64 - 1)).bit_count() in _INFORMATIVE_BITS
