"""A prediction's image is hashed when somebody labels it, not when it is answered."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.drop_column("predictions", "phash")
