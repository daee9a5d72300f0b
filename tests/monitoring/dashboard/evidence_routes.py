"""The routes of questions and disputes, over a database; only the pictures are made up."""

from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from monitoring import class_answers, dispute_answers
from store.database.database import Database
from store.evidence import questions
from store.evidence.disputes import settle
from store.samples.new_samples import NewSample
from store.samples.samples import add_sample
from store.samples.splits import SplitSettings
from store.versions import production_classes

PERSON = "ada"


@dataclass
class EvidenceRoutes:
    """Asks, takes answers and settles disputes; `answers` is what was sent, in its order."""

    database: Database
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            Route("/v1/queue", self._queue),
            Route("/v1/queue/{id}", self._answer, methods=["POST"]),
            Route("/v1/queue/{id}/image", picture),
            Route("/v1/classes", self._classes),
            Route("/v1/samples/{id:int}/image", picture),
            Route("/v1/disputes", self._disputes),
            Route("/v1/disputes/{id:int}", self._settle, methods=["POST"]),
            Route("/v1/disputes/{id:int}/image", picture),
        ]

    def _classes(self, request: Request) -> Response:
        with self.database.read() as connection:
            answer = class_answers.classes(connection)
        return JSONResponse(answer.model_dump(mode="json"))

    def _queue(self, request: Request) -> Response:
        limit = int(request.query_params["limit"])
        with self.database.read() as connection:
            answer = {
                "questions": [
                    {"id": each.id} for each in questions.open_questions(connection, PERSON, limit)
                ],
                "num_open": questions.num_open(connection),
                "classes": list(production_classes(connection) or ()),
            }
        return JSONResponse(answer)

    async def _answer(self, request: Request) -> Response:
        question, sent = request.path_params["id"], await request.json()
        self.answers.append((int(question, 16), sent))

        def work(connection: Connection) -> int:
            if "label" in sent:
                self._label(connection, question, sent["label"])
            elif sent["answer"] == "skip":
                questions.skip(connection, question, PERSON)
            else:
                questions.answer_with_none(connection, question, PERSON)
            return questions.num_open(connection)

        num_open = self.database.write(work)
        return JSONResponse({"status": "answered", "sample_id": None, "num_open": num_open})

    def _label(self, connection: Connection, question: str, label: str) -> None:
        sha256 = questions.find_question(connection, question).sha256
        new = NewSample(sha256, int(sha256[:15], 16), "volunteered", PERSON, label, split="train")
        add_sample(connection, new, production_classes(connection) or (), SplitSettings())

    def _disputes(self, request: Request) -> Response:
        with self.database.read() as connection:
            return JSONResponse(dispute_answers.disputes(connection).model_dump(mode="json"))

    async def _settle(self, request: Request) -> Response:
        dispute, sent = request.path_params["id"], await request.json()
        self.database.write(lambda connection: settle(connection, dispute, sent["label"], PERSON))
        return JSONResponse({})


def picture(request: Request) -> Response:
    """Return an image, another one for each id."""
    rng = np.random.default_rng(int(str(request.path_params["id"]), 16))
    file = BytesIO()
    pixels: Any = rng.integers(0, 255, (6, 6, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((96, 96), Image.Resampling.BICUBIC).save(file, "PNG")
    return Response(file.getvalue(), media_type="image/png")
