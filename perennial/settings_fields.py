"""Every setting: its name, default and help."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator
from pydantic_settings import BaseSettings, NoDecode

from perennial.cores import num_cores
from retrain.settings import RoundAdaptation
from store.near_duplicates import MAX_DISTANCE

_SQLITE = "sqlite:///"
# One process can keep so many busy before its own Python holds them up.
_CORES_A_WORKER = 4

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Seconds = Annotated[float, Field(gt=0.0)]
Count = Annotated[int, Field(ge=1)]


def _split_names(value: Any) -> Any:
    """Read `a, b` as two names; a list in TOML is one already."""
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


Adaptations = Annotated[tuple[RoundAdaptation, ...], NoDecode, BeforeValidator(_split_names)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_names)]


def _default(factory: Any, text: str, **limits: Any) -> Any:
    """Return a field whose default depends on the machine or on other settings; `text` says how."""
    return Field(default_factory=factory, json_schema_extra={"default_text": text}, **limits)


def _home(found: dict[str, Any]) -> Path:
    return Path(found.get("home", ".perennial"))


class Fields(BaseSettings):
    """All settings, in the order in which people are shown them. Places on this machine are absolute.

    Workers may run in another folder than the command that started them.
    """

    home: Path = Field(default=Path(".perennial"), description="Folder of all state.", validate_default=True)
    database_url: str = _default(
        lambda found: f"sqlite:///{_home(found) / 'perennial.db'}",
        "SQLite in the home",
        description="`sqlite:///FILE` on a local disk, or `postgresql+psycopg://…` for several hosts.",
    )
    blobs: str = _default(
        lambda found: str(_home(found) / "blobs"),
        "`blobs` in the home",
        description="Where image bytes and weights go: a folder, or `s3://BUCKET/PREFIX`.",
    )
    keys: Path = _default(
        lambda found: _home(found) / "keys.json",
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
        description="Serving processes.",
    )
    allowed_hosts: Names = Field(
        default=(), description="Host names the server may be called by, comma-separated."
    )
    allowed_origins: Names = Field(default=(), description="Origins whose pages may ask, comma-separated.")
    max_image_bytes: Count = Field(default=20 * 2**20, description="Encoded size of an image, at most.")
    max_pixels: Count = Field(default=50_000_000, description="Width times height of an image, at most.")
    max_body_bytes: Count = Field(
        default=64 * 2**20, description="Size of a request, at most; a batch is one."
    )
    max_batch: Count = Field(default=16, description="Images that share one forward pass, at most.")
    batch_wait_ms: float = Field(
        default=50.0, ge=0.0, description="Milliseconds in which a batch takes in waiting images, at most."
    )
    queue_limit: Count = Field(default=128, description="Waiting images past which requests get 429.")
    threads: int = _default(
        lambda found: max(1, num_cores() // found.get("workers", 1)),
        "cores divided by workers",
        ge=1,
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
    drain_seconds: float = Field(default=1.0, ge=0.0, description="Time not ready before a worker stops.")
    poll_seconds: Seconds = Field(
        default=0.5, description="Between looks at the production alias and at requests."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="What is logged."
    )

    audit_fraction: Fraction = Field(
        default=0.05, description="Share of images whose label the dashboard asks for."
    )
    holdout_fraction: Fraction = Field(default=0.2, description="Share of new samples kept for the gate.")
    audit_holdout_fraction: Fraction = Field(default=0.5, description="Likewise, of audited samples.")
    validation_fraction: Fraction = Field(
        default=0.15, description="Share of training samples that choices use."
    )
    near_duplicate_distance: int = Field(
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
    threshold: Count = Field(default=500, description="Pending samples that make a round due.")
    max_days: float = Field(
        default=28.0, gt=0.0, description="Days after which fewer samples make a round due,"
    )
    min_samples: Count = Field(default=100, description="if so many are pending.")
    epochs: Count = Field(default=3, description="Passes of a round over new and replayed samples.")
    learning_rate: float = Field(default=1e-4, gt=0.0, le=1.0, description="Learning rate of a round.")
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
    replay_ratio: float = Field(
        default=1.0, ge=0.0, description="Replayed old samples per new one; 0 is no replay."
    )
    distillation_weight: float = Field(
        default=1.0, ge=0.0, description="Pull of a round towards production's answers on replayed samples."
    )
    training_threads: int = _default(
        lambda: max(1, num_cores() // 2), "half the cores", ge=1, description="Torch threads of a round."
    )
    round_memory_bytes: int = Field(
        default=2 * 2**30,
        ge=0,
        description="Free memory without which a round waits, rather than serving dies.",
    )
    round_device_memory: float = Field(
        default=0.5, gt=0.0, le=1.0, description="Share of a CUDA device's memory that a round may take."
    )
    max_candidates: Count = Field(default=3, description="Candidates that a round may show to the gate.")
    max_negative_flips: Fraction = Field(
        default=0.05, description="Share of old answers that may turn from right to wrong."
    )
    max_class_drop: Fraction = Field(default=0.05, description="Significant loss of one class that refuses.")
    lease_seconds: float = Field(
        default=15.0, ge=1.0, description="How long a silent learner keeps its lease."
    )

    keep_versions: Count = Field(
        default=10, description="Versions kept besides production and its predecessor."
    )
    retention_days: float = Field(default=30.0, gt=0.0, description="Age at which predictions are dropped.")
    retention_bytes: Count = Field(
        default=10 * 2**30, description="Size past which the oldest predictions go."
    )
    retention_rows: Count = Field(
        default=10_000_000, description="Number past which the oldest predictions go."
    )

    starter_download_seconds: Seconds = Field(
        default=10.0, description="How long a first start waits for the network before it makes do without."
    )

    @field_validator("home", "keys")
    @classmethod
    def _absolute(cls, place: Path) -> Path:
        return place.expanduser().absolute()

    @field_validator("blobs")
    @classmethod
    def _absolute_unless_url(cls, place: str) -> str:
        return place if "://" in place else str(Path(place).expanduser().absolute())

    @field_validator("database_url")
    @classmethod
    def _absolute_file(cls, url: str) -> str:
        file = url.removeprefix(_SQLITE)
        if file == url or file in ("", ":memory:") or file.startswith("file:"):
            return url
        return f"{_SQLITE}{Path(file).absolute()}"
