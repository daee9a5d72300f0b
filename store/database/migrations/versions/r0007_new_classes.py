"""The table of what a person said of labels that production does not know."""

import sqlalchemy as sa
from alembic import op

from store.database.column_types import UtcDateTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "new_classes",
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("word", sa.String(16), nullable=False),
        sa.Column("merged_into", sa.String(200), nullable=True),
        sa.Column("decided_by", sa.String(100), nullable=False),
        sa.Column("decided", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_new_classes"),
    )
