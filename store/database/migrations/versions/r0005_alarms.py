"""Tables of alarms: what is normal now, the images that are compared with it, and what was raised."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

from store.database.column_types import UtcDateTime

revision = "0005"
down_revision = "0004"

ID = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
SHA256 = sa.String(64)
LABEL = sa.String(200)
SOURCE = sa.String(100)
VERSION = sa.String(16)


def upgrade() -> None:
    _references()
    _alarms()
    # Alarms ask between draws, which keep 0, and watches.
    op.execute("UPDATE questions SET priority = priority + 1 WHERE priority > 0")


def _references() -> None:
    op.create_table(
        "drift_references",
        sa.Column("id", ID, nullable=False, autoincrement=True),
        sa.Column("version", VERSION, nullable=False),
        sa.Column("begun", UtcDateTime(), nullable=False),
        sa.Column("read_until", UtcDateTime(), nullable=False),
        sa.Column("last_sample_before", ID, nullable=False),
        sa.Column("frozen", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_drift_references"),
        sa.ForeignKeyConstraint(
            ["version"], ["versions.version"], name="fk_drift_references_version_versions"
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "drift_images",
        sa.Column("id", ID, nullable=False, autoincrement=True),
        sa.Column("reference_id", ID, nullable=False),
        sa.Column("is_normal", sa.Boolean(), nullable=False),
        sa.Column("sha256", SHA256, nullable=False),
        sa.Column("prediction_id", sa.String(32), nullable=False),
        sa.Column("phash", sa.BigInteger(), nullable=False),
        sa.Column("label", LABEL, nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("embedding", sa.LargeBinary(), nullable=False),
        sa.Column("group", LABEL, nullable=True),
        sa.Column("source", SOURCE, nullable=False),
        sa.Column("created", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_drift_images"),
        sa.ForeignKeyConstraint(
            ["reference_id"],
            ["drift_references.id"],
            name="fk_drift_images_reference_id_drift_references",
            ondelete="CASCADE",
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_drift_images_sha256", "drift_images", ["sha256"])
    op.create_index("ix_drift_images_reference_id", "drift_images", ["reference_id", "is_normal", "id"])


def _alarms() -> None:
    op.create_table(
        "alarms",
        sa.Column("id", ID, nullable=False, autoincrement=True),
        sa.Column("version", VERSION, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("detector", sa.String(40), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("raised", UtcDateTime(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("ended", UtcDateTime(), nullable=True),
        sa.Column("sentence", sa.String(1000), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("classes", sa.JSON(), nullable=False),
        sa.Column("acted", UtcDateTime(), nullable=True),
        sa.Column("acted_by", SOURCE, nullable=True),
        sa.Column("reason", sa.String(1000), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_alarms"),
        sa.ForeignKeyConstraint(["version"], ["versions.version"], name="fk_alarms_version_versions"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_alarms_ended", "alarms", ["ended"])
    op.create_table(
        "alarm_images",
        sa.Column("alarm_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sha256", SHA256, nullable=False),
        sa.Column("prediction_id", sa.String(32), nullable=False),
        sa.Column("nearest_sha256", SHA256, nullable=True),
        sa.PrimaryKeyConstraint("alarm_id", "position", name="pk_alarm_images"),
        sa.ForeignKeyConstraint(["alarm_id"], ["alarms.id"], name="fk_alarm_images_alarm_id_alarms"),
    )
    op.create_index("ix_alarm_images_sha256", "alarm_images", ["sha256"])
    op.create_index("ix_alarm_images_nearest_sha256", "alarm_images", ["nearest_sha256"])
