"""Every setting: its name, default and help, read once from the environment and `perennial.toml`."""

import difflib
import os
import socket
import sys
import tomllib
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.sources import TomlConfigSettingsSource

from perennial.errors import SettingsError
from retrain.gate_settings import GateSettings
from retrain.settings import FineTuneSettings, LearnerSettings, RoundSettings
from retrain.triggers import TriggerSettings
from service.settings import AccessSettings, BatchSettings, ServiceSettings
from store.retention import RetentionSettings
from store.splits import SplitSettings
from vision.decoding import ImageLimits

PREFIX = "PERENNIAL_"
CONFIG_VARIABLE = "PERENNIAL_CONFIG"
CONFIG_FILE = "perennial.toml"

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[int, Field(ge=1)]


class Settings(BaseSettings):
    """All settings. `PERENNIAL_NAME` in the environment wins over `name` in perennial.toml."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, env_ignore_empty=True, str_strip_whitespace=True
    )

    home: Path = Field(Path(".perennial"), description="Folder of all state.")
    database_url: str = Field("", description="SQLite or PostgreSQL URL; empty is SQLite in the home.")
    blobs_url: str = Field(
        "", description="Folder, or s3:// URL, of image bytes and artifacts; empty is in the home."
    )
    keys: Path | None = Field(None, description="File of hashed keys; default keys.json in the home.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(3000, ge=1, le=65535, description="Port to listen on.")
    workers: int = Field(1, ge=1, le=256, description="Serving processes.")
    allowed_hosts: str = Field(
        "", description="Host names, with commas, that the server may be addressed by."
    )
    allowed_origins: str = Field("", description="Origins, with commas, from which browsers may call.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="What is logged.")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="Where to predict and train.")

    max_image_bytes: Positive = Field(20 * 2**20, description="Bytes of one image.")
    max_pixels: Positive = Field(50_000_000, description="Pixels of one image, read off its header.")
    max_body_bytes: Positive = Field(64 * 2**20, description="Bytes of a request with several images.")
    max_batch: Positive = Field(16, description="Images in one forward pass.")
    batch_wait_ms: float = Field(5.0, ge=0.0, description="How long an image waits for others, milliseconds.")
    queue_limit: Positive = Field(
        128, description="Images taken in at once by a worker, past which there is 429."
    )
    decode_threads: Positive = Field(2, description="Threads of a worker that decode images.")
    serve_threads: int = Field(0, ge=0, description="Torch threads of a worker; 0 shares the cores out.")
    poll_seconds: float = Field(1.0, gt=0.0, description="Between a worker's looks at the production alias.")
    drain_seconds: float = Field(1.0, ge=0.0, description="Not-ready time before a worker stops.")

    audit_fraction: Fraction = Field(0.05, description="Distinct images whose label is asked for.")
    holdout_fraction: Fraction = Field(0.2, description="New samples kept for judging.")
    audit_holdout_fraction: Fraction = Field(0.5, description="Audited samples kept for judging.")
    validation_fraction: Fraction = Field(0.15, description="Of the rest, what choices are made on.")
    retention_days: float = Field(30.0, gt=0.0, description="Days that predictions are kept.")
    retention_bytes: Positive = Field(10 * 2**30, description="Image bytes that the prediction log keeps.")
    retention_rows: Positive = Field(10_000_000, description="Predictions that the log keeps.")
    keep_versions: Positive = Field(10, description="Versions kept besides production and its predecessor.")

    learner: bool = Field(True, description="Whether the server runs the learner beside it.")
    promote: Literal["auto", "ask"] = Field(
        "auto", description="'ask' makes a passing round wait for a person."
    )
    threshold: Positive = Field(500, description="Pending training samples that make a round due.")
    max_days: float = Field(
        28.0, gt=0.0, description="A round is due so long after the oldest pending sample,"
    )
    min_samples: Positive = Field(100, description="if so many are pending.")
    epochs: Positive = Field(3, description="Passes over the new and replayed samples of a round.")
    learning_rate: float = Field(1e-4, gt=0.0, description="Of a round.")
    optimizer: Literal["sgd", "adamw"] = Field("adamw", description="Of a round.")
    replay_ratio: float = Field(1.0, ge=0.0, description="Replayed samples per new one; 0 turns replay off.")
    round_threads: Positive = Field(1, description="Torch threads of a round.")
    max_candidates: int = Field(3, ge=1, le=10, description="Candidates that a round may show the gate.")
    max_negative_flips: Fraction = Field(0.05, description="Old answers that may turn from right to wrong.")
    max_class_drop: Fraction = Field(
        0.05, description="Accuracy that a class may lose, where it is significant."
    )
    lease_seconds: float = Field(15.0, ge=1.0, description="How long a silent learner keeps its place.")

    @classmethod
    def load(cls, overrides: Mapping[str, Any] | None = None) -> "Settings":
        """Read the settings once.

        Args:
            overrides: Values that win over all else, such as the command line's; None values are ignored.

        Raises:
            SettingsError: A name is unknown (the nearest is named), or a value can't be.
        """
        _refuse_unknown(
            (name for name in os.environ if name.startswith(PREFIX) and name != CONFIG_VARIABLE),
            [PREFIX + name.upper() for name in cls.model_fields],
            "the environment",
        )
        _refuse_unknown(_read_file(), list(cls.model_fields), str(_config_file()))
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
        """Return where values come from, the strongest first."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, _config_file())

    def model_post_init(self, context: Any) -> None:
        """Fill in what depends on the home."""
        home = self.home.expanduser().absolute()
        fill = {
            "home": home,
            "database_url": self.database_url or f"sqlite:///{home / 'perennial.db'}",
            "blobs_url": self.blobs_url or str(home / "blobs"),
            "keys": self.keys or home / "keys.json",
        }
        for name, value in fill.items():
            object.__setattr__(self, name, value)

    def service(self) -> ServiceSettings:
        """Return what the service room needs."""
        return ServiceSettings(
            threshold=self.threshold,
            audit_fraction=self.audit_fraction,
            poll_seconds=self.poll_seconds,
            max_body_bytes=self.max_body_bytes,
            device=self.device,
            num_threads=self.serve_threads or max(1, num_cores() // self.workers),
            limits=self.limits(),
            batch=BatchSettings(
                self.max_batch, self.batch_wait_ms / 1000, self.queue_limit, self.decode_threads
            ),
            access=AccessSettings(self.keys, _split(self.allowed_hosts), _split(self.allowed_origins)),
            split=self.split(),
        )

    def limits(self) -> ImageLimits:
        """Return how large an image may be."""
        return ImageLimits(max_image_bytes=self.max_image_bytes, max_pixels=self.max_pixels)

    def split(self) -> SplitSettings:
        """Return how new samples are cut."""
        return SplitSettings(self.holdout_fraction, self.audit_holdout_fraction, self.validation_fraction)

    def round(self) -> RoundSettings:
        """Return what a round may do."""
        return RoundSettings(
            gate=GateSettings(
                max_candidates=self.max_candidates,
                max_class_drop=self.max_class_drop,
                max_negative_flips=self.max_negative_flips,
            ),
            fine_tune=FineTuneSettings(
                epochs=self.epochs,
                learning_rate=self.learning_rate,
                optimizer=self.optimizer,
                replay_ratio=self.replay_ratio,
                num_threads=self.round_threads,
            ),
            promote=self.promote,
            device=self.device,
        )

    def learning(self) -> LearnerSettings:
        """Return how the learner keeps time; each call names a new holder of the lease."""
        return LearnerSettings(
            child_command=(sys.executable, "-m", "perennial", "run-round"),
            holder=f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}",
            lease_seconds=self.lease_seconds,
            keep_versions=self.keep_versions,
            triggers=TriggerSettings(
                threshold=self.threshold,
                max_days=self.max_days,
                min_samples=self.min_samples,
                max_backoff=4 * self.threshold,
            ),
            retention=RetentionSettings(self.retention_days, self.retention_bytes, self.retention_rows),
        )


def num_cores() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _config_file() -> Path:
    return Path(os.environ.get(CONFIG_VARIABLE, CONFIG_FILE))


def _read_file() -> dict[str, Any]:
    file = _config_file()
    if not file.exists():
        if CONFIG_VARIABLE in os.environ:
            raise SettingsError(f"Expected the file that {CONFIG_VARIABLE} names, found none at {file}.")
        return {}
    try:
        return tomllib.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise SettingsError(f"Expected TOML in {file}, found something else: {error}.") from error


def _refuse_unknown(found: Iterable[str], known: list[str], place: str) -> None:
    for name in found:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
            raise SettingsError(
                f"Expected a setting in {place}, found {name!r}. Did you mean {near[0]!r}? "
                "'perennial settings' lists them all."
            )


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_url=False):
        name = ".".join(str(part) for part in problem["loc"]) or "settings"
        found = problem.get("input")
        lines.append(f"Expected another {PREFIX}{name.upper()}: {problem['msg']}; found {found!r}.")
    return " ".join(lines)


def _split(names: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in names.split(",") if name.strip())
