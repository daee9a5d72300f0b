import pytest
import torch

from vision.device import limit_device_memory


def test_without_a_device_there_is_no_limit_to_set() -> None:
    limit_device_memory("cpu", 0.5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_process_gets_no_more_than_its_share_of_the_device() -> None:
    _, total = torch.cuda.mem_get_info()
    limit_device_memory("cuda", 0.1)
    try:
        with pytest.raises(torch.cuda.OutOfMemoryError):
            torch.empty(total // 5, dtype=torch.uint8, device="cuda")
    finally:
        limit_device_memory("cuda", 1.0)
