"""The database's tables; they hold everything but the bytes of images and artifacts."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)

from store.database.column_types import Id, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

samples = Table(
    "samples",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("sha256", String(64), nullable=False, unique=True),
    # A signed 64-bit perceptual hash; near-duplicates are within Hamming distance 4.
    Column("phash", BigInteger, nullable=False),
    # initial | audit | direct | volunteered
    Column("origin", String(16), nullable=False),
    # train | validation | holdout | golden | surplus, decided before the label
    Column("split", String(16), nullable=False),
    Column("group", String(200), nullable=True, index=True),
    Column("prediction_id", String(32), nullable=True, index=True),
    # What production answered, where the sample labels a prediction.
    Column("predicted_label", String(200), nullable=True),
    # The label in force; None while sources disagree or nobody knows the label.
    Column("label", String(200), nullable=True),
    # The row of `labels` that `label` comes from: what a round records as the revision that it used.
    Column("label_revision", Id, nullable=True),
    # accepted | conflict | quarantined | withheld
    Column("state", String(16), nullable=False),
    # A trusted source or a settlement stands behind the label in force.
    Column("is_trusted", Boolean, nullable=False, default=False),
    Column("source", String(100), nullable=False),
    # A version in production's ancestry saw it; every move of the alias updates this.
    Column("is_seen", Boolean, nullable=False, default=False),
    Column("created", UtcDateTime, nullable=False),
    Index("ix_samples_state_split_origin", "state", "split", "origin"),
    # What is pending is counted at every feedback, and from this index alone.
    Index("ix_samples_pending", "is_seen", "state", "split", "origin", "label"),
    # A deleted sample's number is never given again: versions and rounds name samples by it.
    sqlite_autoincrement=True,
)

# The index of near duplicates, see store/samples/near_duplicates.py. Rows are stored in the order of parts,
# so that a look-up reads one place; a sample is written to three.
phash_parts = Table(
    "phash_parts",
    metadata,
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("sample_id", Id, primary_key=True),
    sqlite_with_rowid=False,
)

labels = Table(
    "labels",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("sample_id", Id, ForeignKey("samples.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("label", String(200), nullable=False),
    Column("source", String(100), nullable=False),
    # Its source had a trusted key then; the labels that `train` imports are trusted too.
    Column("is_trusted", Boolean, nullable=False, default=False),
    # A person settled a dispute with it.
    Column("is_settlement", Boolean, nullable=False, default=False),
    Column("created", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

# Samples whose label a person has to settle, at most one open row each: who contradicted the label in force
# first, or among untrusted sources another's. What everybody said is in `labels`.
disputes = Table(
    "disputes",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("sample_id", Id, ForeignKey("samples.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("label", String(200), nullable=False),
    Column("source", String(100), nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Column("settled", UtcDateTime, nullable=True, index=True),
    Column("settled_by", String(100), nullable=True),
    Column("settled_label", String(200), nullable=True),
    sqlite_autoincrement=True,
)

# What a person said of labels that production does not know.
new_classes = Table(
    "new_classes",
    metadata,
    Column("name", String(200), primary_key=True),
    # accepted | merged | rejected
    Column("word", String(16), nullable=False),
    # The class that a merged label means.
    Column("merged_into", String(200), nullable=True),
    Column("decided_by", String(100), nullable=False),
    Column("decided", UtcDateTime, nullable=False),
)

predictions = Table(
    "predictions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("sha256", String(64), nullable=False, index=True),
    Column("num_bytes", Integer, nullable=False),
    Column("label", String(200), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("version", String(16), nullable=False),
    # float16, little-endian, one vector
    Column("embedding", LargeBinary, nullable=False),
    # One of the draws, by the keyed hash, whose labels tell live accuracy.
    Column("is_audit", Boolean, nullable=False),
    Column("is_labelled", Boolean, nullable=False, default=False),
    Column("group", String(200), nullable=True),
    Column("source", String(100), nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Index("ix_predictions_created", "created"),
    Index("ix_predictions_version_created", "version", "created"),
    Index("ix_predictions_audit", "is_audit", "is_labelled", "created"),
)

# The distinct images of the log that are held out, by the keyed hash of their source and group, or content.
held_out_images = Table(
    "held_out_images",
    metadata,
    Column("sha256", String(64), primary_key=True),
    # The keyed hash as a number: the order in which a pool takes images.
    Column("rank", BigInteger, nullable=False),
    # Who asked for the first prediction.
    Column("source", String(100), nullable=False),
    Column("group", String(200), nullable=True),
    Column("first_seen", UtcDateTime, nullable=False),
    Column("last_seen", UtcDateTime, nullable=False),
    # The round whose verdict was given on it, or on its cluster; from then on it may be learnt.
    Column("judged_in", Id, nullable=True),
    Index("ix_held_out_images_last_seen", "last_seen"),
)

# Images that a person is asked to label, one question each, whatever it is asked for.
questions = Table(
    "questions",
    metadata,
    # Random: it leads to no prediction.
    Column("id", String(32), primary_key=True),
    Column("sha256", String(64), nullable=False, unique=True),
    # Those with a higher one are asked first.
    Column("priority", Integer, nullable=False),
    Column("created", UtcDateTime, nullable=False),
    # A label came, through the queue or otherwise; or the answer is "none of the classes".
    Column("answered", UtcDateTime, nullable=True),
    Column("answered_by", String(100), nullable=True),
    Column("is_none", Boolean, nullable=False, default=False),
    # It is asked no longer: its trial or its watch ended.
    Column("is_withdrawn", Boolean, nullable=False, default=False),
    Index("ix_questions_answered", "answered", "is_withdrawn", "priority", "created"),
)

# Sources that left a question to others.
question_skips = Table(
    "question_skips",
    metadata,
    Column("question_id", String(32), ForeignKey("questions.id", ondelete="CASCADE"), primary_key=True),
    Column("source", String(100), primary_key=True),
)

# The images that a round is judged on as new, and the others of their clusters.
pool_images = Table(
    "pool_images",
    metadata,
    Column("round_id", Id, ForeignKey("rounds.id"), primary_key=True),
    Column("sha256", String(64), primary_key=True, index=True),
    # Near-duplicates share a number; one of them judges.
    Column("cluster", Integer, nullable=False),
    Column("is_judging", Boolean, nullable=False),
    # Who asked for the prediction.
    Column("source", String(100), nullable=False),
    # None where the image does not judge, or the answer is no number.
    Column("champion_label", String(200), nullable=True),
    Column("candidate_label", String(200), nullable=True),
)

# Rounds that wait, or waited, for labels where champion and candidate differ.
trials = Table(
    "trials",
    metadata,
    Column("round_id", Id, ForeignKey("rounds.id"), primary_key=True),
    Column("num_asked", Integer, nullable=False),
    # Counted when it ends: questions are forgotten with their images.
    Column("num_answered", Integer, nullable=False, default=0),
    Column("begun", UtcDateTime, nullable=False),
    # When it ends without a verdict; `ended` is when it did, with one or without.
    Column("ends", UtcDateTime, nullable=False),
    Column("ended", UtcDateTime, nullable=True, index=True),
)

# What a version answered on a held-out image, so that no version answers an image twice.
held_out_answers = Table(
    "held_out_answers",
    metadata,
    Column("version", String(16), ForeignKey("versions.version"), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    # An index into the version's classes; -1 where the answer is no number.
    Column("label_index", Integer, nullable=False),
    Column("confidence", Float, nullable=False),
    sqlite_with_rowid=False,
)

# After a promotion: whether production is worse than its predecessor on what it is asked now.
watches = Table(
    "watches",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("version", String(16), ForeignKey("versions.version"), nullable=False),
    Column("predecessor", String(16), ForeignKey("versions.version"), nullable=False),
    # watching | confirmed | unconfirmed | rolled_back
    Column("state", String(16), nullable=False),
    # Images that both answered, one of each cluster.
    Column("num_images", Integer, nullable=False),
    # Up to where the log was read.
    Column("read_until", UtcDateTime, nullable=False),
    # Counts and evidence of the last look, and the sentence that tells them.
    Column("figures", JSON, nullable=False),
    Column("reason", String(1000), nullable=True),
    Column("begun", UtcDateTime, nullable=False),
    Column("ended", UtcDateTime, nullable=True, index=True),
    sqlite_autoincrement=True,
)

# The images that a watch looked at.
watch_images = Table(
    "watch_images",
    metadata,
    Column("watch_id", Id, ForeignKey("watches.id"), primary_key=True),
    Column("sha256", String(64), primary_key=True, index=True),
    # A signed 64-bit perceptual hash; None, as both labels, where another image of its cluster has the vote.
    Column("phash", BigInteger, nullable=True),
    Column("production_label", String(200), nullable=True),
    Column("predecessor_label", String(200), nullable=True),
)

# Predictions deleted by hand, so that feedback on them gets 410 and not 404. Expired predictions need no
# row: an id carries its time, and the fact "predictions_gone_before" says up to when they have expired.
prediction_tombstones = Table(
    "prediction_tombstones",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("created", UtcDateTime, nullable=False),
)

# Roll-ups that outlive the predictions.
prediction_hours = Table(
    "prediction_hours",
    metadata,
    Column("hour", UtcDateTime, primary_key=True),
    Column("version", String(16), primary_key=True),
    Column("label", String(200), primary_key=True),
    Column("num_predictions", Integer, nullable=False),
    Column("sum_confidence", Float, nullable=False),
)

versions = Table(
    "versions",
    metadata,
    Column("version", String(16), primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("lineage", Integer, nullable=False),
    Column("parent", String(16), ForeignKey("versions.version"), nullable=True),
    Column("round_id", Id, nullable=True),
    Column("created", UtcDateTime, nullable=False),
    Column("class_names", JSON, nullable=False),
    # {file name: sha256 of its bytes}; empty once retention dropped the files
    Column("files", JSON, nullable=False),
    Column("metrics", JSON, nullable=False),
    # The gate's margin on old data, a fraction, fixed when `train` runs; None for a starter.
    Column("margin", Float, nullable=True),
    Column("is_starter", Boolean, nullable=False, default=False),
    # Samples that this version or an ancestor saw were deleted since.
    Column("num_deleted_samples", Integer, nullable=False, default=0),
)

version_samples = Table(
    "version_samples",
    metadata,
    Column("version", String(16), ForeignKey("versions.version"), primary_key=True),
    Column("sample_id", Id, primary_key=True),
    # train | replay | validation | holdout
    Column("role", String(16), nullable=False),
    Column("label_revision", Id, nullable=True),
    Index("ix_version_samples_sample_id", "sample_id"),
)

alias = Table(
    "alias",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("version", String(16), ForeignKey("versions.version"), nullable=False),
)

alias_moves = Table(
    "alias_moves",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("name", String(32), nullable=False),
    Column("from_version", String(16), nullable=True),
    Column("to_version", String(16), nullable=False),
    Column("reason", String(1000), nullable=False),
    Column("actor", String(100), nullable=False),
    Column("is_roll_back", Boolean, nullable=False, default=False),
    Column("created", UtcDateTime, nullable=False),
)

rounds = Table(
    "rounds",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    # requested | preparing | training | evaluating | awaiting_labels | awaiting_approval | promoted |
    # rejected | inconclusive | failed | cancelled
    Column("state", String(20), nullable=False, index=True),
    Column("requested_by", String(100), nullable=False),
    Column("trigger", String(1000), nullable=False),
    Column("reason", String(2000), nullable=True),
    Column("production", String(16), nullable=True),
    Column("candidate", String(16), nullable=True),
    Column("num_tries", Integer, nullable=False, default=0),
    Column("fencing", Integer, nullable=True),
    Column("verdict", JSON(none_as_null=True), nullable=True),
    Column("curves", JSON(none_as_null=True), nullable=True),
    Column("cancel_requested", Boolean, nullable=False, default=False),
    Column("created", UtcDateTime, nullable=False),
    Column("started", UtcDateTime, nullable=True),
    Column("ended", UtcDateTime, nullable=True),
)

round_steps = Table(
    "round_steps",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("round_id", Id, ForeignKey("rounds.id"), nullable=False, index=True),
    Column("step", String(40), nullable=False),
    Column("detail", JSON, nullable=False),
    Column("fencing", Integer, nullable=True),
    Column("created", UtcDateTime, nullable=False),
)

round_attempts = Table(
    "round_attempts",
    metadata,
    Column("round_id", Id, ForeignKey("rounds.id"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    # fine_tune | interpolate | …
    Column("cure", String(40), nullable=False),
    Column("verdict", JSON, nullable=False),
    Column("created", UtcDateTime, nullable=False),
)

# The samples that a round uses, with the label revision that it read.
round_samples = Table(
    "round_samples",
    metadata,
    Column("round_id", Id, ForeignKey("rounds.id"), primary_key=True),
    Column("sample_id", Id, primary_key=True),
    # train | validation | holdout | replay
    Column("role", String(16), nullable=False),
    Column("label_revision", Id, nullable=True),
    Index("ix_round_samples_sample_id", "sample_id"),
)

# A slice is the holdout of one promoted round, or the golden set of a lineage ("golden-1", no round).
slices = Table(
    "slices",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("lineage", Integer, nullable=False),
    Column("round_id", Id, nullable=True),
    Column("is_retired", Boolean, nullable=False, default=False),
    Column("created", UtcDateTime, nullable=False),
)

slice_samples = Table(
    "slice_samples",
    metadata,
    Column("slice", String(40), ForeignKey("slices.name"), primary_key=True),
    Column("sample_id", Id, primary_key=True),
    Index("ix_slice_samples_sample_id", "sample_id"),
)

measurements = Table(
    "measurements",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    # accuracy | drift_mmd | …
    Column("metric", String(40), nullable=False),
    Column("version", String(16), nullable=True),
    Column("slice", String(40), nullable=True),
    Column("round_id", Id, nullable=True),
    Column("value", Float, nullable=False),
    Column("num_samples", Integer, nullable=False),
    Column("detail", JSON, nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Index("ix_measurements_metric_created", "metric", "created"),
    Index("ix_measurements_metric_version_slice", "metric", "version", "slice"),
)

lease = Table(
    "lease",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("holder", String(100), nullable=False),
    Column("fencing", Integer, nullable=False),
    Column("expires", UtcDateTime, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("version", String(16), nullable=True),
    Column("since", UtcDateTime, nullable=True),
    Column("error", String(2000), nullable=True),
    Column("device", String(40), nullable=False),
    Column("seen", UtcDateTime, nullable=False),
)

# Single facts about the system, such as {"paused": {"reason": …, "by": …}}.
facts = Table(
    "facts",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", JSON, nullable=False),
)

# What is normal now: the first distinct images after a promotion, or after a person's word.
drift_references = Table(
    "drift_references",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    # Embeddings of different versions can't be compared.
    Column("version", String(16), ForeignKey("versions.version"), nullable=False),
    Column("begun", UtcDateTime, nullable=False),
    # Up to where the log was read.
    Column("read_until", UtcDateTime, nullable=False),
    # The last sample that was there before; labels of later ones tell whether more answers are wrong.
    Column("last_sample_before", Id, nullable=False),
    # When it had images enough; None while it is collected.
    Column("frozen", UtcDateTime, nullable=True),
    sqlite_autoincrement=True,
)

# The images of a reference, and the last ones that are compared with it; in the order of the log.
drift_images = Table(
    "drift_images",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("reference_id", Id, ForeignKey("drift_references.id", ondelete="CASCADE"), nullable=False),
    # It belongs to what is normal; else it is one of the last.
    Column("is_normal", Boolean, nullable=False),
    Column("sha256", String(64), nullable=False, index=True),
    Column("prediction_id", String(32), nullable=False),
    # A signed 64-bit perceptual hash.
    Column("phash", BigInteger, nullable=False),
    Column("label", String(200), nullable=False),
    Column("confidence", Float, nullable=False),
    # float16, little-endian, one vector
    Column("embedding", LargeBinary, nullable=False),
    Column("group", String(200), nullable=True),
    Column("source", String(100), nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Index("ix_drift_images_reference_id", "reference_id", "is_normal", "id"),
    sqlite_autoincrement=True,
)

# What a person should look at: the world changed, or more answers are wrong.
alarms = Table(
    "alarms",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("version", String(16), ForeignKey("versions.version"), nullable=False),
    # looks | class_mix | errors
    Column("kind", String(16), nullable=False),
    Column("detector", String(40), nullable=False),
    # open | acknowledged | accepted | ended
    Column("state", String(16), nullable=False),
    Column("raised", UtcDateTime, nullable=False),
    # Since when the world is otherwise, as far as can be told.
    Column("since", UtcDateTime, nullable=False),
    Column("ended", UtcDateTime, nullable=True, index=True),
    Column("sentence", String(1000), nullable=False),
    Column("figures", JSON, nullable=False),
    # Names of the classes in which it shows most, most first.
    Column("classes", JSON, nullable=False),
    # What a person decided, who, why and when; or why it ended by itself.
    Column("acted", UtcDateTime, nullable=True),
    Column("acted_by", String(100), nullable=True),
    Column("reason", String(1000), nullable=True),
    sqlite_autoincrement=True,
)

# The images that made an alarm most, each beside the normal one that is most like it.
alarm_images = Table(
    "alarm_images",
    metadata,
    Column("alarm_id", Id, ForeignKey("alarms.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("sha256", String(64), nullable=False, index=True),
    Column("prediction_id", String(32), nullable=False),
    Column("nearest_sha256", String(64), nullable=True, index=True),
)

# What is sent to the webhook, or was: a message stays here until it is delivered or given up.
notifications = Table(
    "notifications",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    # What it is about, such as "round-12-rejected": nothing gets two messages.
    Column("key", String(80), nullable=False, unique=True),
    # Random: receivers know a message that comes again by it.
    Column("uid", String(32), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("text", String(2000), nullable=False),
    Column("details", JSON, nullable=False),
    Column("happened", UtcDateTime, nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Column("num_tries", Integer, nullable=False, default=0),
    Column("next_try", UtcDateTime, nullable=False),
    # Delivered or given up; None while it waits.
    Column("ended", UtcDateTime, nullable=True),
    # Why the last try failed; never an address or an answer's body.
    Column("error", String(200), nullable=True),
    Index("ix_notifications_ended", "ended", "next_try"),
    sqlite_autoincrement=True,
)
