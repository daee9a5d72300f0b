"""Finds the logged images that a version sees most like a given one."""

from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from monitoring.answers.predictions import SimilarImages, SimilarPrediction
from store.predictions.predictions import find_prediction, recent_images
from store.predictions.search import prediction_rows

#: However large the log is, so many of its rows are read.
MAX_COMPARED = 2000


def similar_images(
    connection: Connection, prediction_id: str, limit: int = 12, max_compared: int = MAX_COMPARED
) -> SimilarImages:
    """Return the images most like that of a prediction, among its version's last predictions.

    Embeddings of another version are not compared: its network may see images differently.

    Args:
        connection: To the store.
        prediction_id: Of the image that the others should be like.
        limit: Images, at most; an image that was asked about twice counts once.
        max_compared: Predictions that are looked at.

    Raises:
        PredictionGoneError: It was deleted, or expired.
        UnknownPredictionError: There is none of that id.
    """
    asked = find_prediction(connection, prediction_id)
    # Oldest first, so that the newest prediction of an image is kept.
    recent = reversed(recent_images(connection, asked.version, max_compared))
    others = {sha256: (name, embedding) for name, sha256, embedding in recent if sha256 != asked.sha256}
    if not others:
        return SimilarImages(version=asked.version, num_compared=0, predictions=[])
    names, embeddings = zip(*others.values(), strict=True)
    cosines = cosine_similarity(
        _vector(asked.embedding), _vector(b"".join(embeddings)).reshape(len(names), -1)
    )
    nearest = np.argsort(-cosines, kind="stable")[:limit]
    by_id = {names[index]: float(cosines[index]) for index in nearest}
    rows = prediction_rows(connection, list(by_id))
    return SimilarImages(
        version=asked.version,
        num_compared=len(names),
        predictions=[SimilarPrediction(**asdict(row), similarity=by_id[row.id]) for row in rows],
    )


def cosine_similarity(vector: NDArray[np.float32], rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the cosine between a vector and each row, in [-1, 1].

    It is 0 beside a zero vector, and -1 beside one that is not finite: that is like nothing.

    Args:
        vector: Shape (D,).
        rows: Shape (N, D).

    >>> rows = np.array([[2, 0], [0, 1], [0, 0], [np.nan, 1]], np.float32)
    >>> cosine_similarity(np.array([1, 0], np.float32), rows).tolist()
    [1.0, 0.0, 0.0, -1.0]
    """
    norms = np.linalg.norm(rows, axis=1) * np.linalg.norm(vector)
    cosines = np.divide(rows @ vector, norms, out=np.zeros_like(norms), where=norms != 0)
    return np.where(np.isfinite(cosines), np.clip(cosines, -1, 1), np.float32(-1))


def _vector(embedding: bytes) -> NDArray[np.float32]:
    return np.frombuffer(embedding, dtype="<f2").astype(np.float32)
