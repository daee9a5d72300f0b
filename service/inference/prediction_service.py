"""From images to answers: predicted in batches, and logged."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from service.errors import body_for
from service.inference.batching import Batcher, Predicted
from service.inference.prediction_log import PredictionLog
from service.schemas import ClassConfidence, ErrorBody, PredictionBody
from service.uploads import ImageUpload
from store.predictions.prediction_ids import new_prediction_id
from store.predictions.predictions import LoggedPrediction
from vision.errors import ImageError


@dataclass(frozen=True, slots=True)
class PredictionService:
    """Answers images; what it answered is in the prediction log soon after."""

    batcher: Batcher
    log: PredictionLog

    async def answer(self, upload: ImageUpload, source: str) -> PredictionBody:
        """Return the prediction for one image.

        Raises:
            BusyError: Too many images are waiting already.
            NotReadyError: No version is loaded yet.
            ImageError: The bytes can't be decoded.
        """
        predicted = await self.batcher.predict(upload.content)
        return await self._log(predicted, upload, source)

    async def answer_many(self, contents: Sequence[bytes], source: str) -> list[PredictionBody | ErrorBody]:
        """Return the predictions for images, a bad one being an error in its own place.

        Raises:
            TooManyImagesError: They are too many, or too large together.
            BusyError: Too many images are waiting already; none of these was answered.
            NotReadyError: No version is loaded yet.
        """
        outcomes = await self.batcher.predict_many(contents)
        return [
            ErrorBody.model_validate(body_for(predicted))
            if isinstance(predicted, ImageError)
            else await self._log(predicted, ImageUpload(content, None), source)
            for content, predicted in zip(contents, outcomes, strict=True)
        ]

    async def _log(self, predicted: Predicted, upload: ImageUpload, source: str) -> PredictionBody:
        prediction, prepared = predicted
        label, confidence = prediction.top[0]
        created = datetime.now(UTC)
        logged = LoggedPrediction(
            id=new_prediction_id(created),
            sha256=prepared.sha256,
            num_bytes=len(upload.content),
            label=label,
            confidence=confidence,
            version=prediction.version,
            embedding=prediction.embedding,
            group=upload.group,
            source=source,
            created=created,
        )
        await self.log.add(logged, upload.content)
        return PredictionBody(
            prediction_id=logged.id,
            label=label,
            confidence=confidence,
            top=[ClassConfidence(label=name, confidence=value) for name, value in prediction.top],
            model_version=prediction.version,
        )
