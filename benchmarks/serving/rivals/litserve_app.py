"""LitServe: batches of up to eight, one worker a core."""

import sys

import litserve
import torch
from fastapi import Request
from torch import Tensor

from benchmarks.serving.rivals.network import classify, load_network, prepare


class Api(litserve.LitAPI):  # type: ignore[misc]  # LitServe comes without types
    """Decodes, batches, answers."""

    def setup(self, device: str) -> None:
        """Load the network."""
        self.network = load_network()

    def decode_request(self, request: Request) -> Tensor:
        """Return the network's input."""
        return prepare(request["content"].file.read())

    def batch(self, inputs: list[Tensor]) -> Tensor:
        """Join inputs."""
        return torch.stack(inputs)

    def predict(self, images: Tensor) -> list[dict[str, float | int]]:
        """Answer a batch."""
        return classify(self.network, images)

    def unbatch(self, outputs: list[dict[str, float | int]]) -> list[dict[str, float | int]]:
        """Split the answers."""
        return outputs

    def encode_response(self, output: dict[str, float | int]) -> dict[str, float | int]:
        """Return the answer as JSON."""
        return output


if __name__ == "__main__":
    port, workers = int(sys.argv[1]), int(sys.argv[2])
    server = litserve.LitServer(
        Api(max_batch_size=8, batch_timeout=0.005), accelerator="cpu", workers_per_device=workers
    )
    server.run(port=port, host="127.0.0.1", generate_client_file=False, num_api_servers=1)
