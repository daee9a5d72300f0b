"""Near duplicates are found by three wide parts of a hash instead of five narrow bands."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

from store.database.chunks import chunks

revision = "0002"
down_revision = "0001"

ID = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
# The values of the release that wrote this migration; changed values need a migration of their own.
WIDTHS = (21, 21, 22)
INFORMATIVE_BITS = range(16, 49)


def upgrade() -> None:
    parts = op.create_table(
        "phash_parts",
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("sample_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("part", "sample_id", name="pk_phash_parts"),
        sqlite_with_rowid=False,
    )
    connection = op.get_bind()
    known = connection.execute(sa.text("SELECT id, phash FROM samples"))
    rows = ({"part": part, "sample_id": row.id} for row in known for part in _parts_of(row.phash))
    for chunk in chunks(rows, 10_000):
        connection.execute(parts.insert(), chunk)
    op.drop_table("sample_bands")


def _parts_of(phash: int) -> list[int]:
    rest, parts = phash & (2**64 - 1), []
    if rest.bit_count() not in INFORMATIVE_BITS:
        return []
    for number, width in enumerate(WIDTHS):
        parts.append(number << max(WIDTHS) | rest & ((1 << width) - 1))
        rest >>= width
    return parts
