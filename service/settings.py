"""The settings of the HTTP service."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from store.samples.splits import SplitSettings
from vision.decoding import ImageLimits
from vision.engines.kind import EngineKind, PrecisionKind


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """How requests share a forward pass.

    Attributes:
        max_batch: Images in one forward pass, at most.
        wait_seconds: How long a batch accepts further images while it decodes, at most.
        max_queue: Images admitted and not answered yet, past which a request gets 429; of predictions, and
            likewise of feedback. A large one counts as several.
        num_threads: Batches in flight at the same time, each on one core.
    """

    max_batch: int = 16
    wait_seconds: float = 0.05
    max_queue: int = 128
    num_threads: int = 1


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """Who may send requests.

    Attributes:
        keys_file: JSON file of hashed keys; None or a missing file means that only loopback peers may.
        allowed_hosts: Host names, besides loopback ones, that the server may be addressed by.
        allowed_origins: Origins, besides the server's own, that browsers may call from.
    """

    keys_file: Path | None = None
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """What a client may cost before its request reaches the application.

    Attributes:
        max_connections: Held by one process.
        keep_alive_seconds: Without a request, until a connection is closed; longer than load balancers keep
            theirs (60 s), since a request on its way to a closing connection fails.
        max_head_bytes: Of a request's line and headers.
        head_seconds: From a head's first byte to its last.
        body_seconds: From a head's end to its body's. A client that does not read has as long.
        linger_seconds: For reading a refusal.
        check_seconds: Between looks at the time.
    """

    max_connections: int = 1000
    keep_alive_seconds: float = 75.0
    max_head_bytes: int = 64 * 1024
    head_seconds: float = 10.0
    body_seconds: float = 90.0
    linger_seconds: float = 5.0
    check_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """All settings of the service.

    Attributes:
        threshold: Pending samples that make a round due; shown, not acted on.
        poll_seconds: Between looks at the production alias.
        max_body_bytes: Of a request with several images, past which it gets 413.
        device: "auto" is CUDA where there is one, else the CPU.
        engine: What runs networks: "openvino", "torch", or "auto": OpenVINO where it is installed.
        precision: "auto" is what a version was judged in; "float32" rounds nothing.
    """

    threshold: int = 500
    poll_seconds: float = 0.5
    max_body_bytes: int = 64 * 2**20
    device: Literal["auto", "cpu", "cuda"] = "auto"
    engine: EngineKind = "auto"
    precision: PrecisionKind = "auto"
    limits: ImageLimits = field(default_factory=ImageLimits)
    batch: BatchSettings = field(default_factory=BatchSettings)
    access: AccessSettings = field(default_factory=AccessSettings)
    split: SplitSettings = field(default_factory=SplitSettings)
