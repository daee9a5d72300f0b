"""Which requests the metrics count, and as what."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from service.keys import add_key
from service.settings import AccessSettings, ServiceSettings
from vision.decoding import ImageLimits

pytestmark = pytest.mark.anyio
JPEG = {"Content-Type": "image/jpeg"}


async def test_the_metrics_count_answers_by_route_template(run: Any, serving: Any, picture: Any) -> None:
    async with run(serving) as api:
        answer = await api.client.post("/v1/predict", content=picture(), headers=JPEG)
        assert answer.status_code == 200
        await api.client.get("/v1/rounds/12345")
        await api.client.get("/wp-admin/12345")
        metrics = await api.client.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert 'route="/v1/predict",status="2xx"' in metrics.text
    assert 'route="/v1/rounds/{round_id}",status="4xx"' in metrics.text
    assert "12345" not in metrics.text


async def test_the_metrics_count_requests_that_were_refused_before_a_route(
    run: Any, serving: Any, tmp_path: Path
) -> None:
    reader = add_key(tmp_path / "keys.json", "reader", ["read"])
    settings = ServiceSettings(access=AccessSettings(keys_file=tmp_path / "keys.json"))
    async with run(serving, settings, peer="8.8.8.8") as api:
        await api.client.post("/v1/predict", content=b"x")
        await api.client.request("BREW", "/v1/rounds/12345")
        metrics = (await api.client.get("/metrics", headers={"Authorization": f"Bearer {reader}"})).text
    assert 'requests_total{method="POST",route="/v1/predict",status="4xx"} 1.0' in metrics
    assert 'requests_total{method="other",route="other",status="4xx"} 1.0' in metrics
    assert "12345" not in metrics


@pytest.mark.parametrize("says_length", [True, False])
async def test_a_body_over_the_limit_is_counted_once(run: Any, serving: Any, says_length: bool) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"\xff" * 10_000

    settings = ServiceSettings(limits=ImageLimits(max_image_bytes=1000))
    async with run(serving, settings) as api:
        content = b"\xff" * 200_000 if says_length else chunks()
        answer = await api.client.post("/v1/predict", content=content, headers=JPEG)
        metrics = (await api.client.get("/metrics")).text
    assert answer.status_code == 413
    counts = [line for line in metrics.splitlines() if line.startswith("perennial_requests_total{")]
    assert counts == ['perennial_requests_total{method="POST",route="/v1/predict",status="4xx"} 1.0']
