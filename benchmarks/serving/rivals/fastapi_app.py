"""FastAPI: one image a request, answered in its thread pool."""

from typing import Any

from fastapi import Body, FastAPI
from fastapi.concurrency import run_in_threadpool

from benchmarks.serving.rivals.network import classify, load_network, prepare

app = FastAPI()
_network = load_network()


@app.post("/predict")
async def predict(content: bytes = Body(media_type="image/jpeg")) -> dict[str, Any]:
    """Return the likeliest class."""
    return await run_in_threadpool(lambda: classify(_network, prepare(content).unsqueeze(0))[0])
