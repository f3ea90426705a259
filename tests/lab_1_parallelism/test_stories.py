import hashlib
from itertools import islice

import pytest

from lab_1_parallelism.stories import stories, story


def test_the_corpus_is_the_same_everywhere() -> None:
    text = "\n".join(islice(stories(), 200))
    assert (
        hashlib.sha256(text.encode()).hexdigest()
        == "1b883455eadd01c8c70946e0557b8ef6372b86a09e13d4c669afb64656eb880d"
    )


@pytest.mark.parametrize("first", [0, 1, 17, 10**9])
def test_reading_can_start_at_any_story(first: int) -> None:
    assert list(islice(stories(first=first), 3)) == [story(first + i) for i in range(3)]


def test_stories_do_not_repeat() -> None:
    texts = list(islice(stories(), 2_000))
    assert len(set(texts)) == len(texts)


def test_train_and_validation_differ() -> None:
    assert not set(islice(stories("train"), 500)) & set(islice(stories("validation"), 500))


@pytest.fixture(scope="module")
def text() -> str:
    return "\n".join(islice(stories(), 2_000))


def test_every_slot_is_filled(text: str) -> None:
    assert not set("{}[]_") & set(text)


@pytest.mark.parametrize("wrong", [" a a", " a e", " a i", " a o", " a u", " an b", "A apple", "  ", " ."])
def test_spelling(text: str, wrong: str) -> None:
    assert wrong not in text
