"""Finds known samples whose picture is nearly the same, by the bands of their perceptual hashes."""

from sqlalchemy import Connection, delete, insert, or_, select

from store.schema import sample_bands, samples
from store.splits import strictest

# Widths in bits, lowest first. Four differing bits leave one of five bands untouched.
BAND_WIDTHS = (13, 13, 13, 13, 12)
MAX_DISTANCE = len(BAND_WIDTHS) - 1
# A photograph's hash has 32 of 64 bits set (each of 4,396 measured), a flat picture's 0 or 1, a plain
# gradient's up to 10: those are all alike, and tell nothing about what is shown.
_TELLING_BITS = range(16, 49)


def near_split(connection: Connection, phash: int, distance: int) -> str | None:
    """Return the split of the known samples near to a hash, or None where none is near.

    Where they are of several splits, the strictest is returned: what is near to a judged picture must not
    be learnt, however near it is to a learnt one.

    Args:
        connection: Where to look.
        phash: Signed, 64 bits.
        distance: Bits that may differ, 4 at most.
    """
    if not tells_something(phash):
        return None
    alike = or_(
        *((sample_bands.c.band == band) & (sample_bands.c.bits == bits) for band, bits in bands_of(phash))
    )
    query = select(samples.c.split, samples.c.phash).where(
        samples.c.id.in_(select(sample_bands.c.sample_id).where(alike))
    )
    limit = min(distance, MAX_DISTANCE)
    rows = connection.execute(query)
    return strictest(row.split for row in rows if num_differing_bits(row.phash, phash) <= limit)


def index_sample(connection: Connection, sample_id: int, phash: int) -> None:
    """Make a sample findable by its hash."""
    if tells_something(phash):
        rows = [{"sample_id": sample_id, "band": band, "bits": bits} for band, bits in bands_of(phash)]
        connection.execute(insert(sample_bands), rows)


def forget_sample(connection: Connection, sample_id: int) -> None:
    """Make a sample unfindable."""
    connection.execute(delete(sample_bands).where(sample_bands.c.sample_id == sample_id))


def bands_of(phash: int) -> list[tuple[int, int]]:
    """Return (number, bits) of each band of a hash."""
    rest, bands = phash & (2**64 - 1), []
    for number, width in enumerate(BAND_WIDTHS):
        bands.append((number, rest & ((1 << width) - 1)))
        rest >>= width
    return bands


def num_differing_bits(first: int, second: int) -> int:
    """Return the Hamming distance of two signed 64-bit hashes.

    >>> num_differing_bits(-1, 0)
    64
    """
    return ((first ^ second) & (2**64 - 1)).bit_count()


def tells_something(phash: int) -> bool:
    """Return whether a hash is of a picture that shows anything at all."""
    return (phash & (2**64 - 1)).bit_count() in _TELLING_BITS
