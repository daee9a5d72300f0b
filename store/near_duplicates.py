"""Finds known samples whose picture is nearly the same, by the bands of their perceptual hashes."""

from sqlalchemy import Connection, and_, delete, insert, or_, select

from store.schema import sample_bands, samples

# Widths in bits, lowest first. Four differing bits leave one of five bands untouched.
BAND_WIDTHS = (13, 13, 13, 13, 12)
MAX_DISTANCE = len(BAND_WIDTHS) - 1
# Hashes of flat pictures have next to no bits set (or unset): they tell nothing about what is shown.
_TELLING_BITS = range(8, 57)


def nearest_sample(connection: Connection, phash: int, distance: int) -> tuple[int, str] | None:
    """Return (id, split) of the sample nearest to a hash, the oldest of equals; None if none is near.

    Args:
        connection: Where to look.
        phash: Signed, 64 bits.
        distance: Bits that may differ, 4 at most.
    """
    if not tells_something(phash):
        return None
    bands = or_(
        *(and_(sample_bands.c.band == band, sample_bands.c.bits == bits) for band, bits in bands_of(phash))
    )
    query = (
        select(samples.c.id, samples.c.split, samples.c.phash)
        .where(samples.c.id.in_(select(sample_bands.c.sample_id).where(bands)))
        .order_by(samples.c.id)
    )
    near = [
        (num_differing_bits(row.phash, phash), row.id, row.split)
        for row in connection.execute(query)
        if num_differing_bits(row.phash, phash) <= min(distance, MAX_DISTANCE)
    ]
    return min(near)[1:] if near else None


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
