import random
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import Connection, insert

from store.database.database import Database, now
from store.database.schema import samples
from store.samples.near_duplicates import (
    MAX_DISTANCE,
    forget_sample,
    index_sample,
    is_informative,
    near_split,
    num_differing_bits,
    parts_near,
    parts_of,
)

HASHES = st.integers(-(2**63), 2**63 - 1)
# Half of its bits are set, as in every photograph's hash.
PHOTOGRAPH = 0x6A5C_96A3_3C5A_A59C


def flipped(phash: int, bits: tuple[int, ...]) -> int:
    for bit in bits:
        phash ^= 1 << bit
    return phash if phash < 2**63 else phash - 2**64


def know(database: Database, phash: int, split: str = "train") -> int:
    def work(connection: Connection) -> int:
        row = {
            "sha256": f"{random.getrandbits(256):064x}",
            "phash": phash,
            "origin": "direct",
            "split": split,
            "state": "accepted",
            "source": "ann",
            "created": now(connection),
        }
        sample_id = int(connection.execute(insert(samples).values(row).returning(samples.c.id)).scalar_one())
        index_sample(connection, sample_id, phash)
        return sample_id

    return database.write(work)


def near(database: Database, phash: int, distance: int = 4) -> str | None:
    with database.read() as connection:
        return near_split(connection, phash, distance)


@given(HASHES, st.sets(st.integers(0, 63), max_size=MAX_DISTANCE))
def test_hashes_within_the_distance_always_have_a_part_that_is_near(phash: int, bits: set[int]) -> None:
    other = flipped(phash & (2**64 - 1), tuple(bits))
    assert num_differing_bits(phash, other) == len(bits)
    assert set(parts_near(phash)) & set(parts_of(other))


def test_hashes_that_differ_in_few_bits_are_near(database: Database) -> None:
    know(database, PHOTOGRAPH)
    with database.read() as connection:
        splits = [
            near_split(connection, flipped(PHOTOGRAPH, bits), 4)
            for bits in [*((bit,) for bit in range(64)), *list(combinations(range(0, 64, 7), 4))]
        ]
    assert set(splits) == {"train"}


@pytest.mark.parametrize(("num_bits", "split"), [(0, "train"), (4, "train"), (5, None)])
def test_four_bits_may_differ_and_five_may_not(database: Database, num_bits: int, split: str | None) -> None:
    know(database, PHOTOGRAPH)
    # The bits lie in one part, so that the other parts match either way.
    assert near(database, flipped(PHOTOGRAPH, tuple(range(num_bits)))) == split


def test_the_strictest_of_several_near_ones_decides_however_near(database: Database) -> None:
    know(database, PHOTOGRAPH, "train")
    know(database, flipped(PHOTOGRAPH, (0, 20, 40, 60)), "golden")
    know(database, flipped(PHOTOGRAPH, (1,)), "validation")
    assert near(database, PHOTOGRAPH) == "golden"


def test_a_forgotten_sample_is_near_no_more(database: Database) -> None:
    sample_id = know(database, PHOTOGRAPH)
    database.write(lambda connection: forget_sample(connection, sample_id, PHOTOGRAPH))
    assert near(database, PHOTOGRAPH) is None


def test_flat_pictures_are_not_glued_together(database: Database) -> None:
    imagehash = pytest.importorskip("imagehash")
    gradient = Image.linear_gradient("L")
    flats = [Image.new("L", (64, 64), level) for level in (0, 1, 128, 255)]
    for picture in (*flats, gradient, gradient.rotate(90), gradient.rotate(180)):
        phash = int(str(imagehash.phash(picture)), 16)
        assert not is_informative(phash)
        know(database, phash - 2**64 if phash >= 2**63 else phash)
        assert near(database, phash) is None
