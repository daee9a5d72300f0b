"""Every setting: its name, default and help."""

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode

from store.database.engine import absolute_url, sqlite_url
from store.samples.near_duplicates import MAX_DISTANCE
from vision.adaptation.table import RoundAdaptation
from vision.cores import num_cores

PREFIX = "PERENNIAL_"
# One process can keep so many busy before its own Python holds them up.
_CORES_A_WORKER = 4

# Each number has an upper bound: past it a date, a timer or a library's own integer would overflow later.
_MAX_COUNT = 2**31 - 1
_MAX_BYTES = 2**50
_MAX_SECONDS = 24 * 60 * 60
_MAX_DAYS = 100 * 365
_MAX_THREADS = 1024
_MAX_RATIO = 1000
_MIN_SECRET = 16

Finite = Annotated[float, Field(allow_inf_nan=False)]
Fraction = Annotated[Finite, Field(ge=0.0, le=1.0)]
PositiveFraction = Annotated[Finite, Field(gt=0.0, le=1.0)]
Ratio = Annotated[Finite, Field(ge=0.0, le=_MAX_RATIO)]
Seconds = Annotated[Finite, Field(gt=0.0, le=_MAX_SECONDS)]
Days = Annotated[Finite, Field(gt=0.0, le=_MAX_DAYS)]
Count = Annotated[int, Field(ge=1, le=_MAX_COUNT)]
WholeSeconds = Annotated[int, Field(ge=1, le=_MAX_SECONDS)]
Bytes = Annotated[int, Field(ge=1, le=_MAX_BYTES)]


def variable_of(name: str) -> str:
    """Return the environment's variable of a setting."""
    return f"{PREFIX}{name.upper()}"


def _split_names(value: Any) -> Any:
    """Read `a, b` as two names; a list in TOML is one already."""
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # Reading the port raises an error where it is none.
        is_named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return is_named and parts.scheme in ("http", "https") and not any(mark.isspace() for mark in url)


Adaptations = Annotated[tuple[RoundAdaptation, ...], NoDecode, BeforeValidator(_split_names)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_names)]

#: Settings whose values are never shown.
SECRETS = frozenset({"webhook_url", "webhook_secret"})
#: The groups in which people are shown the fields below: each group's first field, and its heading.
GROUPS = {
    "home": "Where the state is",
    "host": "Server and access",
    "max_image_bytes": "Limits of a request",
    "max_batch_images": "How images are answered",
    "drain_seconds": "Processes and log",
    "audit_fraction": "How new samples are split",
    "learner": "When a round begins",
    "epochs": "How a round learns",
    "max_negative_flip_fraction": "How strict the gate is",
    "keep_versions": "What is kept",
    "starter_download_seconds": "The first start",
    "webhook_url": "Alerts by webhook",
}


def _default(factory: Any, text: str, **limits: Any) -> Any:
    """Return a field whose default depends on the machine or on other settings; `text` says how."""
    return Field(default_factory=factory, json_schema_extra={"default_text": text}, **limits)


def _home(values: dict[str, Any]) -> Path:
    return Path(values.get("home", ".perennial"))


class Fields(BaseSettings):
    """All settings, in the order in which people are shown them. Places on this machine are absolute.

    Workers may run in another folder than the command that started them.
    """

    home: Path = Field(default=Path(".perennial"), description="Folder of all state.", validate_default=True)
    database_url: str = _default(
        lambda values: sqlite_url(_home(values) / "perennial.db"),
        "SQLite in the home",
        description="`sqlite:///FILE` on a local disk, or `postgresql+psycopg://…` for several hosts.",
    )
    blobs: str = _default(
        lambda values: str(_home(values) / "blobs"),
        "`blobs` in the home",
        description="Where image bytes and weights go: a folder, or `s3://BUCKET/PREFIX`.",
    )
    keys: Path = _default(
        lambda values: _home(values) / "keys.json",
        "`keys.json` in the home",
        description="File of hashed keys. While it is missing, only this machine may ask.",
    )

    host: str = Field(default="127.0.0.1", description="Address that the server listens on.")
    port: int = Field(default=3000, ge=1, le=65535, description="Port that the server listens on.")
    workers: int = _default(
        lambda: max(1, num_cores() // _CORES_A_WORKER),
        "one for every four cores",
        ge=1,
        le=64,
        description="Number of serving processes.",
    )
    allowed_hosts: Names = Field(
        default=(), description="Host names the server may be called by, comma-separated."
    )
    allowed_origins: Names = Field(default=(), description="Origins whose pages may ask, comma-separated.")
    keep_alive_seconds: WholeSeconds = Field(
        default=75,
        description="Seconds after which an idle connection is closed; more than a load balancer's own (60).",
    )
    max_connections: Count = Field(
        default=1000,
        description="Connections that a worker holds, at most; then who holds most loses the idlest one.",
    )
    max_image_bytes: Bytes = Field(default=20 * 2**20, description="Encoded size of an image, at most.")
    max_pixels: Count = Field(default=50_000_000, description="Width times height of an image, at most.")
    max_body_bytes: Bytes = Field(
        default=64 * 2**20, description="Size of a request, at most; a batch is one."
    )
    max_batch_images: Count = Field(default=16, description="Images that share one forward pass, at most.")
    batch_wait_ms: Finite = Field(
        default=50.0,
        ge=0.0,
        le=60_000.0,
        description="Milliseconds in which a batch takes in waiting images, at most.",
    )
    max_queue_images: Count = Field(
        default=128,
        description="Images taken in and not answered yet, past which requests get 429; large ones "
        "count as several.",
    )
    batch_threads: int = _default(
        lambda values: max(1, num_cores() // values.get("workers", 1)),
        "cores divided by workers",
        ge=1,
        le=_MAX_THREADS,
        description="Batches that a worker answers at the same time, each on one core.",
    )
    engine: Literal["auto", "openvino", "torch"] = Field(
        default="auto",
        description="What runs networks on the CPU; `auto`: OpenVINO where it is installed.",
    )
    precision: Literal["auto", "float32"] = Field(
        default="auto",
        description="How exactly networks run on the CPU; `auto`: int8 or bfloat16 where a version bears it.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto",
        description="Where networks run: `cpu`, `cuda`, or `auto`: CUDA where there is one.",
    )
    drain_seconds: Finite = Field(
        default=1.0,
        ge=0.0,
        le=_MAX_SECONDS,
        description="Seconds that a worker that stops says it is not ready before it ends.",
    )
    poll_seconds: Seconds = Field(
        default=0.5, description="Seconds between looks at the production alias and at requests for rounds."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe messages that are logged."
    )

    audit_fraction: Fraction = Field(
        default=0.05, description="Share of images whose label is asked for, whatever was answered."
    )
    holdout_fraction: Fraction = Field(default=0.2, description="Share of distinct images kept for the gate.")
    validation_fraction: Fraction = Field(
        default=0.15, description="Share of training samples that choices use."
    )
    near_duplicate_bits: int = Field(
        default=4,
        ge=0,
        le=MAX_DISTANCE,
        description="Bits of the perceptual hash in which pictures of one thing may differ.",
    )

    learner: bool = Field(
        default=True, description="Whether the server keeps a learner running: `on` or `off`."
    )
    promote: Literal["auto", "ask"] = Field(
        default="auto",
        description="Whether a candidate that passes is promoted at once, or waits for a person.",
    )
    new_classes: Literal["ask", "auto"] = Field(
        default="ask",
        description="Whether a label that production does not know waits for a person, or becomes a class "
        "with 20 samples of 2 sources.",
    )
    threshold_samples: Count = Field(default=500, description="Pending samples that make a round due.")
    overdue_days: Days = Field(
        default=28.0,
        description="Days after which a round is due with `PERENNIAL_OVERDUE_SAMPLES` pending samples.",
    )
    overdue_samples: Count = Field(
        default=100, description="Pending samples that make a round due after `PERENNIAL_OVERDUE_DAYS`."
    )
    alarm_round_samples: int = Field(
        default=0,
        ge=0,
        le=_MAX_COUNT,
        description="Pending samples that make a round due once after an alarm; 0: alarms start no round.",
    )
    drift_alarm_images: Count = Field(
        default=100_000,
        description="Mean number of distinct images between two false alarms about them, as declared.",
    )
    lease_seconds: Finite = Field(
        default=15.0,
        ge=1.0,
        le=_MAX_SECONDS,
        description="Seconds for which a silent learner keeps its lease.",
    )
    candidates: Literal["auto", "head", "full"] = Field(
        default="auto",
        description="What a round makes: `head` solves the last layer in seconds, `full` trains all layers, "
        "`auto` does so only where the head is not surely enough.",
    )
    head_memory: Count = Field(
        default=2000, description="Old samples on which a round solves the head, at most."
    )
    epochs: Count = Field(default=6, description="Passes of a round over new and replayed samples.")
    learning_rate: PositiveFraction = Field(default=1e-4, description="Learning rate of a round.")
    optimizer: Literal["adamw", "sgd"] = Field(default="adamw", description="Optimizer of a round.")
    batch_size: Count = Field(default=32, description="Samples in one training step of a round.")
    augmentation: Literal["none", "gentle", "basic", "strong"] = Field(
        default="gentle", description="How a round varies its training images; `basic` mirrors them too."
    )
    adapt: Adaptations = Field(
        default=(),
        description="How a round meets another domain: `augmentation`, `batch_norm` (the newest "
        "predictions' images), or both.",
    )
    replay_ratio: Ratio = Field(default=1.0, description="Replayed old samples per new one; 0 is no replay.")
    distillation_weight: Ratio = Field(
        default=1.0, description="Pull of a round towards production's answers on replayed samples."
    )
    training_threads: int = _default(
        lambda: max(1, num_cores() // 2),
        "half the cores",
        ge=1,
        le=_MAX_THREADS,
        description="Threads that torch uses in a round.",
    )
    round_priority: Literal["idle", "low", "normal"] = Field(
        default="idle",
        description="How a round ranks beside other programs; one that gets under a fifth of a core for two "
        "minutes is raised by a step.",
    )
    round_memory_bytes: int = Field(
        default=2 * 2**30,
        ge=0,
        le=_MAX_BYTES,
        description="Free bytes of memory below which a round waits, so that serving keeps its own.",
    )
    round_device_memory_fraction: PositiveFraction = Field(
        default=0.5, description="Share of a CUDA device's memory that a round may take."
    )
    max_negative_flip_fraction: Fraction = Field(
        default=0.05, description="Share of old answers that may turn from right to wrong."
    )
    max_class_drop_fraction: Fraction = Field(
        default=0.05,
        description="Loss of accuracy on one class that refuses a candidate, where it is significant.",
    )

    keep_versions: Count = Field(
        default=10, description="Versions kept besides production and its predecessor."
    )
    retention_days: Days = Field(default=30.0, description="Days after which predictions are dropped.")
    retention_bytes: Bytes = Field(
        default=10 * 2**30, description="Bytes of predictions' images past which the oldest go."
    )
    retention_rows: Count = Field(
        default=10_000_000, description="Number of predictions past which the oldest go."
    )

    starter_download_seconds: Seconds = Field(
        default=10.0,
        description="Seconds that a first start waits for the network, before it does without.",
    )

    webhook_url: SecretStr | None = Field(
        default=None,
        json_schema_extra={"default_text": "none"},
        description="Where alerts are sent as JSON that Slack understands: `http://…` or `https://…`.",
    )
    webhook_secret: SecretStr | None = Field(
        default=None,
        json_schema_extra={"default_text": "none"},
        description="What these messages are signed with, 16 characters at least.",
    )
    webhook_seconds: Finite = Field(
        default=10.0, gt=0.0, le=60.0, description="Seconds that one try to deliver a message takes, at most."
    )
    webhook_hours: Finite = Field(
        default=24.0,
        gt=0.0,
        le=168.0,
        description="Hours after which a message that can't be delivered is given up.",
    )

    @field_validator("home", "keys")
    @classmethod
    def _absolute(cls, place: Path) -> Path:
        absolute = place.expanduser().absolute()
        try:
            # The database's URL is a text.
            str(absolute).encode()
        except UnicodeEncodeError as error:
            raise ValueError("Expected a path in UTF-8") from error
        return absolute

    @field_validator("blobs")
    @classmethod
    def _absolute_unless_url(cls, place: str) -> str:
        return place if "://" in place else str(Path(place).expanduser().absolute())

    @field_validator("database_url")
    @classmethod
    def _absolute_file(cls, url: str) -> str:
        return absolute_url(url)

    @field_validator("webhook_url")
    @classmethod
    def _http(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not _is_http(url.get_secret_value()):
            raise ValueError("Expected http://HOST/… or https://HOST/…")
        return url

    @field_validator("webhook_secret")
    @classmethod
    def _long_enough(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value()) < _MIN_SECRET:
            raise ValueError(f"Expected {_MIN_SECRET} characters or more")
        return secret
