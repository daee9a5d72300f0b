"""Reads the settings once, and gives each room its part of them."""

import os
import socket
import sys
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from pydantic import ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from perennial.errors import SettingsError
from perennial.settings.fields import PREFIX, SECRETS, Fields
from perennial.settings.retired import RETIRED
from perennial.settings.sources import File, check_environment, process_environment

if TYPE_CHECKING:
    from monitoring.webhook.delivery import WebhookSettings
    from retrain.gate.settings import GateSettings
    from retrain.learner.settings import LearnerSettings
    from retrain.learner.triggers import TriggerSettings
    from retrain.settings import RoundSettings
    from service.settings import ConnectionSettings, ServiceSettings
    from store.samples.splits import SplitSettings
    from transfer.settings import TrainSettings
    from vision.decoding import ImageLimits


class Settings(Fields):
    """All settings with their values; `Settings.load()` reads them.

    Each room's part is imported only where it is asked for: most commands ask for none.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    @classmethod
    def load(cls, overrides: Mapping[str, Any] | None = None) -> Self:
        """Read the settings from the environment and the file.

        Args:
            overrides: Values that win over both, such as the command line's; None stands for none given.

        Raises:
            SettingsError: A name is unknown or a value can't be used; the message says which and how.
        """
        environment = process_environment()
        RETIRED.bring_environment_up_to_date(environment)
        check_environment(cls.model_fields, environment)
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
        return init_settings, env_settings, File(settings_cls)

    @model_validator(mode="before")
    @classmethod
    def _up_to_date(cls, given: dict[str, Any]) -> dict[str, Any]:
        return RETIRED.bring_up_to_date(given)

    def places(self) -> dict[str, str]:
        """Return the variables that name where the state is, for processes that run in another folder."""
        return {
            f"{PREFIX}HOME": str(self.home),
            f"{PREFIX}DATABASE_URL": self.database_url,
            f"{PREFIX}BLOBS": self.blobs,
            f"{PREFIX}KEYS": str(self.keys),
        }

    def limits(self) -> "ImageLimits":
        """Return what one image may cost."""
        from vision.decoding import ImageLimits

        return ImageLimits(max_image_bytes=self.max_image_bytes, max_pixels=self.max_pixels)

    def split(self) -> "SplitSettings":
        """Return how new samples are split."""
        from store.samples.splits import SplitSettings

        return SplitSettings(
            holdout_fraction=self.holdout_fraction,
            validation_fraction=self.validation_fraction,
            audit_fraction=self.audit_fraction,
            near_duplicate_distance=self.near_duplicate_bits,
        )

    def service(self) -> "ServiceSettings":
        """Return what the HTTP service needs."""
        from service.settings import AccessSettings, BatchSettings, ServiceSettings

        return ServiceSettings(
            threshold=self.threshold_samples,
            poll_seconds=self.poll_seconds,
            max_body_bytes=self.max_body_bytes,
            device=self.device,
            engine=self.engine,
            precision=self.precision,
            limits=self.limits(),
            batch=BatchSettings(
                max_batch=self.max_batch_images,
                wait_seconds=self.batch_wait_ms / 1000,
                max_queue=self.max_queue_images,
                num_threads=self.batch_threads,
            ),
            access=AccessSettings(
                keys_file=self.keys, allowed_hosts=self.allowed_hosts, allowed_origins=self.allowed_origins
            ),
            split=self.split(),
        )

    def connections(self) -> "ConnectionSettings":
        """Return what a connection may cost."""
        from service.settings import ConnectionSettings

        return ConnectionSettings(
            max_connections=self.max_connections, keep_alive_seconds=self.keep_alive_seconds
        )

    def gate(self) -> "GateSettings":
        """Return how strict the gate is."""
        from retrain.gate.settings import GateSettings

        return GateSettings(
            max_negative_flips=self.max_negative_flip_fraction,
            max_class_drop=self.max_class_drop_fraction,
        )

    def triggers(self) -> "TriggerSettings":
        """Return when a round begins by itself."""
        from retrain.learner.triggers import TriggerSettings

        return TriggerSettings(
            threshold=self.threshold_samples,
            max_days=self.overdue_days,
            min_samples=self.overdue_samples,
            max_backoff=4 * self.threshold_samples,
            alarm_samples=self.alarm_round_samples or None,
        )

    def round(self) -> "RoundSettings":
        """Return what a round may do."""
        from retrain.settings import FineTuneSettings, RoundSettings

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
            candidates=self.candidates,
            head_memory=self.head_memory,
            device=self.device,
            device_memory=self.round_device_memory_fraction,
            limits=self.limits(),
            adaptations=self.adapt,
            engine=self.engine,
            precision=self.precision,
        )

    def train(self) -> "TrainSettings":
        """Return what trainings by hand, the starter and the lab need."""
        from transfer.settings import TrainSettings

        return TrainSettings(
            curves_folder=self.home / "curves",
            limits=self.limits(),
            split=self.split(),
            device=self.device,
            engine=self.engine,
            precision=self.precision,
            num_threads=self.training_threads,
            starter_download_seconds=self.starter_download_seconds,
        )

    def webhook(self) -> "WebhookSettings | None":
        """Return where alerts are sent, None for nowhere."""
        from monitoring.webhook.delivery import WebhookSettings

        if self.webhook_url is None:
            return None
        return WebhookSettings(
            url=self.webhook_url.get_secret_value(),
            secret=None if self.webhook_secret is None else self.webhook_secret.get_secret_value(),
            request_seconds=self.webhook_seconds,
            give_up_seconds=3600 * self.webhook_hours,
        )

    def learning(self) -> "LearnerSettings":
        """Return the learner's settings; each call names another holder of the lease."""
        from monitoring.drift.settings import AlarmSettings
        from retrain.alarms.settings import AlarmJobSettings
        from retrain.learner.settings import LearnerSettings
        from store.predictions.retention import RetentionSettings

        return LearnerSettings(
            child_command=(sys.executable, "-m", "perennial", "run-round"),
            watch_command=(sys.executable, "-m", "perennial", "run-watch"),
            holder=f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}",
            lease_seconds=self.lease_seconds,
            poll_seconds=self.poll_seconds,
            keep_versions=self.keep_versions,
            min_free_bytes=self.round_memory_bytes,
            priority=self.round_priority,
            triggers=self.triggers(),
            gate=self.gate(),
            promote=self.promote,
            new_classes=self.new_classes,
            alarms=AlarmJobSettings(
                detection=AlarmSettings(declared_images=self.drift_alarm_images), limits=self.limits()
            ),
            retention=RetentionSettings(
                max_days=self.retention_days, max_bytes=self.retention_bytes, max_rows=self.retention_rows
            ),
            webhook=self.webhook(),
        )


def _explain(error: ValidationError) -> str:
    """Return one line that names each wrong setting, what is wrong and its value."""
    parts = []
    for wrong in error.errors():
        if wrong["type"] == "default_factory_not_called":
            continue  # the setting that it depends on is reported itself
        name = f"{PREFIX}{'.'.join(map(str, wrong['loc'])).upper()}"
        # An address or a secret of a webhook is a key to it: it must not stand in a log.
        is_secret = not SECRETS.isdisjoint(wrong["loc"])
        value = "a value that is not shown" if is_secret else repr(wrong["input"])
        parts.append(f"{name}: {wrong['msg'].lower()}, found {value}")
    return (
        f"{'; '.join(parts)}. Correct it in the environment or the file; `perennial settings` explains each."
    )
