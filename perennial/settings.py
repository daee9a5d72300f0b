"""Every setting: its name, default and help, and what each room is given of them."""

import os
import socket
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from perennial.errors import SettingsError
from perennial.settings_sources import PREFIX, check_environment, process_environment, read_file
from retrain.gate import GateSettings
from retrain.settings import FineTuneSettings, LearnerSettings, RoundSettings
from retrain.triggers import TriggerSettings
from service.settings import AccessSettings, BatchSettings, ServiceSettings
from store.predictions import RetentionSettings
from store.splits import SplitSettings
from vision.decoding import ImageLimits

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Seconds = Annotated[float, Field(gt=0.0)]
Count = Annotated[int, Field(ge=1)]


def _split_names(value: Any) -> Any:
    """Read `a, b` as two names; a list in TOML is one already."""
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_names)]


def _num_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _default(factory: Any, text: str, **limits: Any) -> Any:
    """Return a field whose default depends on the machine or on other settings; `text` says how."""
    return Field(default_factory=factory, json_schema_extra={"default_text": text}, **limits)


def _home(found: dict[str, Any]) -> Path:
    return Path(found.get("home", ".perennial"))


class Settings(BaseSettings):
    """All settings, read once; `Settings.load()` is how to get them."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

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
        lambda: max(1, min(2, _num_cores() // 2)),
        "half the cores, 2 at most",
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
    batch_wait_ms: float = Field(default=5.0, ge=0.0, description="Milliseconds an image waits for others.")
    queue_limit: Count = Field(default=128, description="Waiting images past which requests get 429.")
    decode_threads: Count = Field(default=2, description="Threads of a worker that decode images.")
    threads: int = _default(
        lambda found: max(1, _num_cores() // found.get("workers", 1)),
        "cores divided by workers",
        ge=1,
        description="Torch threads of a worker.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto",
        description="Where networks run: `cpu`, `cuda`, or `auto`: CUDA where there is one.",
    )
    drain_seconds: float = Field(default=1.0, ge=0.0, description="Time not ready before a worker stops.")
    poll_seconds: Seconds = Field(
        default=1.0, description="Between looks at the production alias and at requests."
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
        le=15,
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
    replay_ratio: float = Field(
        default=1.0, ge=0.0, description="Replayed old samples per new one; 0 is no replay."
    )
    distillation_weight: float = Field(
        default=1.0, ge=0.0, description="Pull of a round towards production's answers on replayed samples."
    )
    training_threads: int = _default(
        lambda: max(1, _num_cores() // 2), "half the cores", ge=1, description="Torch threads of a round."
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

    @classmethod
    def load(cls, overrides: Mapping[str, Any] | None = None) -> Self:
        """Read the settings from the environment and the file.

        Args:
            overrides: Values that win over both, such as the command line's; None stands for none given.

        Raises:
            SettingsError: A name is unknown or a value can't be used; the message says which and how.
        """
        check_environment(cls.model_fields, process_environment())
        try:
            return cls(**{name: value for name, value in (overrides or {}).items() if value is not None})
        except ValidationError as error:
            raise SettingsError(_explain(error)) from error

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file, and the caller over both."""
        return init_settings, env_settings, _File(settings_cls)

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        # Workers may run in another folder than the command that started them.
        return home.expanduser().absolute()

    @property
    def blobs_url(self) -> str:
        """Where the blob store is; a folder or a URL."""
        return self.blobs

    def limits(self) -> ImageLimits:
        """Return what one image may cost."""
        return ImageLimits(max_image_bytes=self.max_image_bytes, max_pixels=self.max_pixels)

    def split(self) -> SplitSettings:
        """Return how new samples are cut."""
        return SplitSettings(
            holdout_fraction=self.holdout_fraction,
            audit_holdout_fraction=self.audit_holdout_fraction,
            validation_fraction=self.validation_fraction,
            near_duplicate_distance=self.near_duplicate_distance,
        )

    def service(self) -> ServiceSettings:
        """Return what the HTTP service needs."""
        return ServiceSettings(
            threshold=self.threshold,
            audit_fraction=self.audit_fraction,
            poll_seconds=self.poll_seconds,
            max_body_bytes=self.max_body_bytes,
            device=self.device,
            num_threads=self.threads,
            limits=self.limits(),
            batch=BatchSettings(
                max_batch=self.max_batch,
                wait_seconds=self.batch_wait_ms / 1000,
                max_queue=self.queue_limit,
                decode_threads=self.decode_threads,
            ),
            access=AccessSettings(
                keys_file=self.keys, allowed_hosts=self.allowed_hosts, allowed_origins=self.allowed_origins
            ),
            split=self.split(),
        )

    def gate(self) -> GateSettings:
        """Return how strict the gate is."""
        return GateSettings(
            max_candidates=self.max_candidates,
            max_negative_flips=self.max_negative_flips,
            max_class_drop=self.max_class_drop,
        )

    def triggers(self) -> TriggerSettings:
        """Return when a round begins by itself."""
        return TriggerSettings(
            threshold=self.threshold,
            max_days=self.max_days,
            min_samples=self.min_samples,
            max_backoff=4 * self.threshold,
        )

    def round(self) -> RoundSettings:
        """Return what a round may do."""
        return RoundSettings(
            gate=self.gate(),
            fine_tune=FineTuneSettings(
                epochs=self.epochs,
                learning_rate=self.learning_rate,
                optimizer=self.optimizer,
                batch_size=self.batch_size,
                augmentation=self.augmentation,
                replay_ratio=self.replay_ratio,
                distillation_weight=self.distillation_weight,
                num_threads=self.training_threads,
            ),
            promote=self.promote,
            device=self.device,
        )

    def learning(self) -> LearnerSettings:
        """Return how the learner keeps time; each call names another holder of the lease."""
        return LearnerSettings(
            child_command=(sys.executable, "-m", "perennial", "run-round"),
            holder=f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}",
            lease_seconds=self.lease_seconds,
            poll_seconds=self.poll_seconds,
            keep_versions=self.keep_versions,
            triggers=self.triggers(),
            retention=RetentionSettings(
                max_days=self.retention_days, max_bytes=self.retention_bytes, max_rows=self.retention_rows
            ),
        )


class _File(PydanticBaseSettingsSource):
    """`perennial.toml`, or the file that PERENNIAL_CONFIG names."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """Return one field's value; unused, since the file is read as a whole."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return what the file says."""
        return read_file(self.settings_cls.model_fields, process_environment())


def _explain(error: ValidationError) -> str:
    """Return one line that names each setting in error, what is wrong and what was found."""
    parts = []
    for wrong in error.errors():
        if wrong["type"] == "default_factory_not_called":
            continue  # what it hangs on is reported itself
        name = f"{PREFIX}{'.'.join(map(str, wrong['loc'])).upper()}"
        parts.append(f"{name}: {wrong['msg'].lower()}, found {wrong['input']!r}")
    return (
        f"{'; '.join(parts)}. Correct it in the environment or the file; `perennial settings` explains each."
    )
