from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def torch_settings() -> Iterator[None]:
    """One thread, since several wait for each other on a busy machine; and known weights."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)
