"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0001"
down_revision = None

TIME = sa.DateTime(timezone=True)
ID = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    _create_samples()
    _create_predictions()
    _create_versions()
    _create_rounds()
    _create_rest()


def _create_samples() -> None:
    op.create_table(
        "samples",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("phash", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("split", sa.String(16), nullable=False),
        sa.Column("group", sa.String(200), nullable=True),
        sa.Column("prediction_id", sa.String(32), nullable=True),
        sa.Column("predicted_label", sa.String(200), nullable=True),
        sa.Column("label", sa.String(200), nullable=True),
        sa.Column("label_revision", ID, nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("is_seen", sa.Boolean(), nullable=False),
        sa.Column("created", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_samples"),
        sa.UniqueConstraint("sha256", name="uq_samples_sha256"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_samples_group", "samples", ["group"])
    op.create_index("ix_samples_pending", "samples", ["is_seen", "state", "split", "origin", "label"])
    op.create_index("ix_samples_prediction_id", "samples", ["prediction_id"])
    op.create_index("ix_samples_state_split_origin", "samples", ["state", "split", "origin"])
    op.create_table(
        "sample_bands",
        sa.Column("sample_id", ID, nullable=False),
        sa.Column("band", sa.Integer(), nullable=False),
        sa.Column("bits", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["samples.id"], name="fk_sample_bands_sample_id_samples", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sample_id", "band", name="pk_sample_bands"),
    )
    op.create_index("ix_sample_bands_band_bits", "sample_bands", ["band", "bits"])
    op.create_table(
        "labels",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("sample_id", ID, nullable=False),
        sa.Column("label", sa.String(200), nullable=False),
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("created", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["samples.id"], name="fk_labels_sample_id_samples", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_labels"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_labels_sample_id", "labels", ["sample_id"])


def _create_predictions() -> None:
    op.create_table(
        "predictions",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("phash", sa.BigInteger(), nullable=False),
        sa.Column("num_bytes", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(200), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("version", sa.String(16), nullable=False),
        sa.Column("embedding", sa.LargeBinary(), nullable=False),
        sa.Column("is_audit", sa.Boolean(), nullable=False),
        sa.Column("is_labelled", sa.Boolean(), nullable=False),
        sa.Column("group", sa.String(200), nullable=True),
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("created", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_predictions"),
    )
    op.create_index("ix_predictions_audit", "predictions", ["is_audit", "is_labelled", "created"])
    op.create_index("ix_predictions_created", "predictions", ["created"])
    op.create_index("ix_predictions_sha256", "predictions", ["sha256"])
    op.create_index("ix_predictions_version_created", "predictions", ["version", "created"])
    op.create_table(
        "prediction_tombstones",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("created", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_prediction_tombstones"),
    )
    op.create_table(
        "prediction_hours",
        sa.Column("hour", TIME, nullable=False),
        sa.Column("version", sa.String(16), nullable=False),
        sa.Column("label", sa.String(200), nullable=False),
        sa.Column("num_predictions", sa.Integer(), nullable=False),
        sa.Column("sum_confidence", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "version", "label", name="pk_prediction_hours"),
    )


def _create_versions() -> None:
    op.create_table(
        "versions",
        sa.Column("version", sa.String(16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("lineage", sa.Integer(), nullable=False),
        sa.Column("parent", sa.String(16), nullable=True),
        sa.Column("round_id", ID, nullable=True),
        sa.Column("created", TIME, nullable=False),
        sa.Column("class_names", sa.JSON(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("margin", sa.Float(), nullable=True),
        sa.Column("is_starter", sa.Boolean(), nullable=False),
        sa.Column("num_deleted_samples", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["parent"], ["versions.version"], name="fk_versions_parent_versions"),
        sa.PrimaryKeyConstraint("version", name="pk_versions"),
        sa.UniqueConstraint("number", name="uq_versions_number"),
    )
    op.create_table(
        "version_samples",
        sa.Column("version", sa.String(16), nullable=False),
        sa.Column("sample_id", ID, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("label_revision", ID, nullable=True),
        sa.ForeignKeyConstraint(
            ["version"], ["versions.version"], name="fk_version_samples_version_versions"
        ),
        sa.PrimaryKeyConstraint("version", "sample_id", name="pk_version_samples"),
    )
    op.create_index("ix_version_samples_sample_id", "version_samples", ["sample_id"])
    op.create_table(
        "alias",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("version", sa.String(16), nullable=False),
        sa.ForeignKeyConstraint(["version"], ["versions.version"], name="fk_alias_version_versions"),
        sa.PrimaryKeyConstraint("name", name="pk_alias"),
    )
    op.create_table(
        "alias_moves",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("from_version", sa.String(16), nullable=True),
        sa.Column("to_version", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(1000), nullable=False),
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("is_roll_back", sa.Boolean(), nullable=False),
        sa.Column("created", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alias_moves"),
    )


def _create_rounds() -> None:
    op.create_table(
        "rounds",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("requested_by", sa.String(100), nullable=False),
        sa.Column("trigger", sa.String(1000), nullable=False),
        sa.Column("reason", sa.String(2000), nullable=True),
        sa.Column("production", sa.String(16), nullable=True),
        sa.Column("candidate", sa.String(16), nullable=True),
        sa.Column("num_tries", sa.Integer(), nullable=False),
        sa.Column("fencing", sa.Integer(), nullable=True),
        sa.Column("verdict", sa.JSON(), nullable=True),
        sa.Column("curves", sa.JSON(), nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("created", TIME, nullable=False),
        sa.Column("started", TIME, nullable=True),
        sa.Column("ended", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_rounds"),
    )
    op.create_index("ix_rounds_state", "rounds", ["state"])
    op.create_table(
        "round_steps",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("round_id", ID, nullable=False),
        sa.Column("step", sa.String(40), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("fencing", sa.Integer(), nullable=True),
        sa.Column("created", TIME, nullable=False),
        sa.ForeignKeyConstraint(["round_id"], ["rounds.id"], name="fk_round_steps_round_id_rounds"),
        sa.PrimaryKeyConstraint("id", name="pk_round_steps"),
    )
    op.create_index("ix_round_steps_round_id", "round_steps", ["round_id"])
    op.create_table(
        "round_attempts",
        sa.Column("round_id", ID, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("cure", sa.String(40), nullable=False),
        sa.Column("verdict", sa.JSON(), nullable=False),
        sa.Column("created", TIME, nullable=False),
        sa.ForeignKeyConstraint(["round_id"], ["rounds.id"], name="fk_round_attempts_round_id_rounds"),
        sa.PrimaryKeyConstraint("round_id", "attempt", name="pk_round_attempts"),
    )
    op.create_table(
        "round_samples",
        sa.Column("round_id", ID, nullable=False),
        sa.Column("sample_id", ID, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("label_revision", ID, nullable=True),
        sa.ForeignKeyConstraint(["round_id"], ["rounds.id"], name="fk_round_samples_round_id_rounds"),
        sa.PrimaryKeyConstraint("round_id", "sample_id", name="pk_round_samples"),
    )
    op.create_index("ix_round_samples_sample_id", "round_samples", ["sample_id"])


def _create_rest() -> None:
    op.create_table(
        "slices",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("lineage", sa.Integer(), nullable=False),
        sa.Column("round_id", ID, nullable=True),
        sa.Column("is_retired", sa.Boolean(), nullable=False),
        sa.Column("created", TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_slices"),
    )
    op.create_table(
        "slice_samples",
        sa.Column("slice", sa.String(40), nullable=False),
        sa.Column("sample_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["slice"], ["slices.name"], name="fk_slice_samples_slice_slices"),
        sa.PrimaryKeyConstraint("slice", "sample_id", name="pk_slice_samples"),
    )
    op.create_index("ix_slice_samples_sample_id", "slice_samples", ["sample_id"])
    op.create_table(
        "measurements",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("metric", sa.String(40), nullable=False),
        sa.Column("version", sa.String(16), nullable=True),
        sa.Column("slice", sa.String(40), nullable=True),
        sa.Column("round_id", ID, nullable=True),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("num_samples", sa.Integer(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("created", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_measurements"),
    )
    op.create_index("ix_measurements_metric_created", "measurements", ["metric", "created"])
    op.create_index("ix_measurements_metric_version_slice", "measurements", ["metric", "version", "slice"])
    op.create_table(
        "lease",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("holder", sa.String(100), nullable=False),
        sa.Column("fencing", sa.Integer(), nullable=False),
        sa.Column("expires", TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_lease"),
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("version", sa.String(16), nullable=True),
        sa.Column("since", TIME, nullable=True),
        sa.Column("error", sa.String(2000), nullable=True),
        sa.Column("device", sa.String(40), nullable=False),
        sa.Column("seen", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
    )
    op.create_table(
        "facts",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_facts"),
    )
