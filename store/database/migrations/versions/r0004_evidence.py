"""Tables of evidence: held-out images, pools, questions, trials, disputes, answers and watches."""

import hmac
import secrets
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

from store.database.column_types import UtcDateTime

revision = "0004"
down_revision = "0003"

ID = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
SHA256 = sa.String(64)
LABEL = sa.String(200)
SOURCE = sa.String(100)
VERSION = sa.String(16)

_PUT_IN_FORCE = (
    "UPDATE samples SET state = 'accepted', is_trusted = TRUE, label_revision = :label_id, "
    "label = (SELECT label FROM labels WHERE id = :label_id) "
    "WHERE id = (SELECT sample_id FROM labels WHERE id = :label_id)"
)
_OPEN = (
    "INSERT INTO disputes (sample_id, label, source, created) "
    "SELECT sample_id, label, source, created FROM labels WHERE id = :label_id"
)


def upgrade() -> None:
    _trust()
    _disputes()
    _held_out()
    _questions()
    _pools()
    _answers_and_watches()
    # Splits are drawn with it, so that nobody can choose or foresee one; it is in every backup.
    secret = secrets.token_bytes(32)
    facts = sa.table("facts", sa.column("name", sa.String), sa.column("value", sa.JSON))
    op.execute(facts.insert().values(name="split_secret", value=secret.hex()))
    _hold_out_logged(secret)


def _trust() -> None:
    for name in ("is_trusted", "is_settlement"):
        op.add_column("labels", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    # What `train` imported, and what came from the machine itself while there were no keys.
    op.execute("UPDATE labels SET is_trusted = TRUE WHERE source IN ('local', 'train')")
    op.add_column("samples", sa.Column("is_trusted", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(
        "UPDATE samples SET is_trusted = TRUE WHERE state = 'accepted' AND EXISTS (SELECT 1 FROM labels "
        "WHERE labels.sample_id = samples.id AND labels.label = samples.label AND labels.is_trusted)"
    )


def _disputes() -> None:
    op.create_table(
        "disputes",
        sa.Column("id", ID, nullable=False, autoincrement=True),
        sa.Column("sample_id", ID, nullable=False),
        sa.Column("label", LABEL, nullable=False),
        sa.Column("source", SOURCE, nullable=False),
        sa.Column("created", UtcDateTime(), nullable=False),
        sa.Column("settled", UtcDateTime(), nullable=True),
        sa.Column("settled_by", SOURCE, nullable=True),
        sa.Column("settled_label", LABEL, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_disputes"),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["samples.id"], name="fk_disputes_sample_id_samples", ondelete="CASCADE"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_disputes_sample_id", "disputes", ["sample_id"])
    op.create_index("ix_disputes_settled", "disputes", ["settled"])
    _open_disputes()


def _open_disputes() -> None:
    """Open a dispute for each sample whose sources disagree, and put trusted labels in force again."""
    connection = op.get_bind()
    rows = connection.execute(
        sa.text(
            "SELECT labels.id, sample_id, labels.label, labels.source, labels.is_trusted FROM labels "
            "JOIN samples ON samples.id = sample_id WHERE samples.state = 'conflict' ORDER BY labels.id"
        )
    ).all()
    alias = "SELECT class_names FROM versions JOIN alias ON alias.version = versions.version"
    class_names = connection.execute(sa.text(alias).columns(class_names=sa.JSON)).scalar()
    known = set(class_names or (row.label for row in rows))
    histories = defaultdict(list)
    for row in rows:
        if row.label in known:
            histories[row.sample_id].append(row)
    for history in histories.values():
        trusted = [row for row in history if row.is_trusted]
        in_force = _first_that_stands(trusted) if trusted else None
        if in_force is not None:
            connection.execute(sa.text(_PUT_IN_FORCE), {"label_id": in_force.id})
        since = history[history.index(trusted[0]) :] if trusted else history
        last = {row.source: row for row in since}.values()
        against = [row for row in last if in_force is None or row.label != in_force.label]
        if against:
            connection.execute(sa.text(_OPEN), {"label_id": against[-1].id})
    # It has to be counted anew.
    op.execute("DELETE FROM facts WHERE name = 'num_pending_labels'")


def _first_that_stands(trusted: Sequence[sa.Row[Any]]) -> sa.Row[Any]:
    """Return the first label, or what its source corrected it to: what `resolve_labels` puts in force."""
    latest: dict[str, str] = {}
    in_force = trusted[0]
    for row in trusted:
        latest[row.source] = row.label
        if in_force.label not in latest.values():
            in_force = row
    return in_force


def _held_out() -> None:
    op.create_table(
        "held_out_images",
        sa.Column("sha256", SHA256, nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("source", SOURCE, nullable=False),
        sa.Column("group", LABEL, nullable=True),
        sa.Column("first_seen", UtcDateTime(), nullable=False),
        sa.Column("last_seen", UtcDateTime(), nullable=False),
        sa.Column("judged_in", ID, nullable=True),
        sa.PrimaryKeyConstraint("sha256", name="pk_held_out_images"),
    )
    op.create_index("ix_held_out_images_last_seen", "held_out_images", ["last_seen"])


# Each image of the log's last predictions with the first of them, but for those that a round was judged on.
# Of those before nothing is held out: to read ten million would take many minutes.
LOGGED = sa.text(
    """
    SELECT logged.sha256, predictions.source, predictions."group", predictions.created AS first_seen,
        logged.last_seen, samples.split
    FROM (
        SELECT sha256, MIN(id) AS first_id, MAX(created) AS last_seen
        FROM (SELECT id, sha256, created FROM predictions ORDER BY created DESC LIMIT 100000) AS newest
        GROUP BY sha256
    ) AS logged
    JOIN predictions ON predictions.id = logged.first_id
    LEFT JOIN samples ON samples.sha256 = logged.sha256
    WHERE NOT EXISTS (
        SELECT 1 FROM round_samples WHERE sample_id = samples.id AND role = 'holdout'
    ) AND NOT EXISTS (SELECT 1 FROM slice_samples WHERE sample_id = samples.id)
    """
).columns(first_seen=UtcDateTime(), last_seen=UtcDateTime())


def _hold_out_logged(secret: bytes) -> None:
    """Hold out what the log shows already: a sample by the split that it has, other images by their hash."""
    held_out = sa.table(
        "held_out_images",
        *(sa.column(name) for name in ("sha256", "rank", "source", "group")),
        sa.column("first_seen", UtcDateTime()),
        sa.column("last_seen", UtcDateTime()),
    )
    connection = op.get_bind()
    logged = connection.execute(LOGGED, execution_options={"yield_per": 5000})
    for rows in logged.partitions():
        if new := list(_held_out_of(secret, rows)):
            connection.execute(held_out.insert(), new)


def _held_out_of(secret: bytes, rows: Any) -> Iterator[dict[str, Any]]:
    # As `store.samples.splits` has it, written out: a migration stays what it was.
    def number(purpose: str, key: str) -> int:
        return int.from_bytes(hmac.digest(secret, f"{purpose}\0{key}".encode(), "sha256")[:8])

    for row in rows:
        key = row.sha256 if row.group is None else f"{row.source}\0{row.group}"
        is_drawn = number("holdout", key) / 2**64 < 0.2
        if row.split == "holdout" or (row.split is None and is_drawn):
            columns = {name: value for name, value in row._mapping.items() if name != "split"}
            yield columns | {"rank": number("rank", row.sha256) >> 1}


def _questions() -> None:
    op.create_table(
        "questions",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("sha256", SHA256, nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("created", UtcDateTime(), nullable=False),
        sa.Column("answered", UtcDateTime(), nullable=True),
        sa.Column("answered_by", SOURCE, nullable=True),
        sa.Column("is_none", sa.Boolean(), nullable=False),
        sa.Column("is_withdrawn", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_questions"),
        sa.UniqueConstraint("sha256", name="uq_questions_sha256"),
    )
    op.create_index("ix_questions_answered", "questions", ["answered", "is_withdrawn", "priority", "created"])
    op.create_table(
        "question_skips",
        sa.Column("question_id", sa.String(32), nullable=False),
        sa.Column("source", SOURCE, nullable=False),
        sa.PrimaryKeyConstraint("question_id", "source", name="pk_question_skips"),
        sa.ForeignKeyConstraint(
            ["question_id"],
            ["questions.id"],
            name="fk_question_skips_question_id_questions",
            ondelete="CASCADE",
        ),
    )


def _pools() -> None:
    op.create_table(
        "pool_images",
        sa.Column("round_id", ID, nullable=False),
        sa.Column("sha256", SHA256, nullable=False),
        sa.Column("cluster", sa.Integer(), nullable=False),
        sa.Column("is_judging", sa.Boolean(), nullable=False),
        sa.Column("source", SOURCE, nullable=False),
        sa.Column("champion_label", LABEL, nullable=True),
        sa.Column("candidate_label", LABEL, nullable=True),
        sa.PrimaryKeyConstraint("round_id", "sha256", name="pk_pool_images"),
        sa.ForeignKeyConstraint(["round_id"], ["rounds.id"], name="fk_pool_images_round_id_rounds"),
    )
    op.create_index("ix_pool_images_sha256", "pool_images", ["sha256"])
    op.create_table(
        "trials",
        sa.Column("round_id", ID, nullable=False),
        sa.Column("num_asked", sa.Integer(), nullable=False),
        sa.Column("num_answered", sa.Integer(), nullable=False),
        sa.Column("begun", UtcDateTime(), nullable=False),
        sa.Column("ends", UtcDateTime(), nullable=False),
        sa.Column("ended", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("round_id", name="pk_trials"),
        sa.ForeignKeyConstraint(["round_id"], ["rounds.id"], name="fk_trials_round_id_rounds"),
    )
    op.create_index("ix_trials_ended", "trials", ["ended"])


def _answers_and_watches() -> None:
    op.create_table(
        "held_out_answers",
        sa.Column("version", VERSION, nullable=False),
        sa.Column("sha256", SHA256, nullable=False),
        sa.Column("label_index", sa.Integer(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("version", "sha256", name="pk_held_out_answers"),
        sa.ForeignKeyConstraint(
            ["version"], ["versions.version"], name="fk_held_out_answers_version_versions"
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "watches",
        sa.Column("id", ID, nullable=False, autoincrement=True),
        sa.Column("version", VERSION, nullable=False),
        sa.Column("predecessor", VERSION, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("num_images", sa.Integer(), nullable=False),
        sa.Column("read_until", UtcDateTime(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(1000), nullable=True),
        sa.Column("begun", UtcDateTime(), nullable=False),
        sa.Column("ended", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_watches"),
        sa.ForeignKeyConstraint(["version"], ["versions.version"], name="fk_watches_version_versions"),
        sa.ForeignKeyConstraint(
            ["predecessor"], ["versions.version"], name="fk_watches_predecessor_versions"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_watches_ended", "watches", ["ended"])
    op.create_table(
        "watch_images",
        sa.Column("watch_id", ID, nullable=False),
        sa.Column("sha256", SHA256, nullable=False),
        sa.Column("phash", sa.BigInteger(), nullable=True),
        sa.Column("production_label", LABEL, nullable=True),
        sa.Column("predecessor_label", LABEL, nullable=True),
        sa.PrimaryKeyConstraint("watch_id", "sha256", name="pk_watch_images"),
        sa.ForeignKeyConstraint(["watch_id"], ["watches.id"], name="fk_watch_images_watch_id_watches"),
    )
    op.create_index("ix_watch_images_sha256", "watch_images", ["sha256"])
