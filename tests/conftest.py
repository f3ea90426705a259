"""Settings of all the kit's own tests, made before the lab is imported anywhere."""

import os
from collections.abc import Iterator

import pytest
from browser import Browser, open_browser

# A small part of the embedded data: the same everywhere, with no download, here and in every process that a test starts.
os.environ["LAB_2_HFL_DATASET"] = "digits"
os.environ["LAB_2_HFL_TRAIN_SAMPLES"] = "600"
os.environ["LAB_2_HFL_TEST_SAMPLES"] = "100"


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests of pages; it starts when the first of them asks for it."""
    with open_browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened
