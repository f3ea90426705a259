"""Batches of stories, and the choice of where they come from."""

import os
import sys
from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lab_1_parallelism import corpus
from lab_1_parallelism.corpus import read_stories
from lab_1_parallelism.dataloaders import TinyStories
from lab_1_parallelism.stories import story
from lab_1_parallelism.tokenizers import SPTokenizer

TOKENIZER = SPTokenizer()


@pytest.fixture(autouse=True)
def grammar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_STORIES", "grammar")
    monkeypatch.delenv("RANK", raising=False)
    corpus._say.cache_clear()


def test_a_batch_is_whole_stories_cut_into_sequences() -> None:
    first, second = islice(TinyStories(TOKENIZER, batch_size=2, seq_l=64), 2)
    assert (first.shape, first.dtype) == ((2, 64), torch.int64)
    expected = [token for i in range(4) for token in [TOKENIZER.bos_id, *TOKENIZER.encode(story(i))]]
    assert torch.cat([first, second]).view(-1).tolist() == expected[:256]


def test_two_loaders_read_the_same() -> None:
    left, right = (TinyStories(TOKENIZER, batch_size=3, seq_l=32) for _ in range(2))
    assert all(torch.equal(*pair) for pair in zip(islice(left, 5), islice(right, 5), strict=True))


def test_iterating_again_starts_again() -> None:
    loader = TinyStories(TOKENIZER, batch_size=1, seq_l=32)
    assert torch.equal(next(iter(loader)), next(iter(loader)))


@pytest.mark.parametrize("skip", [0, 1, 12, 100_000])
def test_skip_leaves_out_that_many_stories(skip: int) -> None:
    batch = next(iter(TinyStories(TOKENIZER, batch_size=1, seq_l=40, skip=skip)))
    assert batch[0].tolist() == [TOKENIZER.bos_id, *TOKENIZER.encode(story(skip))][:40]


def test_the_splits_differ() -> None:
    train, validation = (
        next(iter(TinyStories(TOKENIZER, batch_size=1, seq_l=64, split=split)))
        for split in ("train", "validation")
    )
    assert not torch.equal(train, validation)


def test_a_batch_decodes_to_its_text() -> None:
    loader = TinyStories(TOKENIZER, batch_size=1, seq_l=500)
    assert loader.decode(next(iter(loader)))[0].startswith(story(0) + story(1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "batch_size=0"),
        ({"seq_l": 0}, "seq_l=0"),
        ({"skip": -1}, "skip=-1"),
    ],
    ids=["batch-size", "sequence", "skip"],
)
def test_sizes_that_make_no_batch_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TinyStories(TOKENIZER, **arguments)


def test_an_unknown_split_is_refused_before_the_first_batch() -> None:
    with pytest.raises(ValueError, match="split='test'"):
        iter(TinyStories(TOKENIZER, split="test"))


def test_an_unknown_choice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_STORIES", "novels")
    with pytest.raises(ValueError, match=r"'novels'.* auto, tinystories, grammar"):
        read_stories("train", 0)


class FakeDatasets(SimpleNamespace):
    """The `datasets` library with or without a copy of TinyStories."""

    def __init__(self, copy: list[str] | None) -> None:
        super().__init__(__spec__=object())
        self.copy = copy

    def load_dataset(self, name: str, split: str) -> list[dict[str, str]]:
        assert (name, split) == ("roneneldan/TinyStories", "train")
        if self.copy is None:
            raise ConnectionError("no network")
        return [{"text": text} for text in self.copy]


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set LAB_STORIES and what `import datasets` gives; None for a library that is not installed."""

    def set_up(choice: str, library: FakeDatasets | None) -> None:
        monkeypatch.setenv("LAB_STORIES", choice)
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        monkeypatch.setitem(sys.modules, "datasets", library)
        if library is None:
            monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    return set_up


@pytest.mark.parametrize("choice", ["auto", "tinystories"])
def test_a_copy_of_tinystories_is_read_round_and_round(choose: Any, choice: str) -> None:
    choose(choice, FakeDatasets(["a", "b", "c"]))
    assert list(islice(read_stories("train", 2), 5)) == ["c", "a", "b", "c", "a"]


@pytest.mark.parametrize("library", [None, FakeDatasets(None)], ids=["no-library", "no-copy"])
def test_auto_falls_back_on_the_grammar(choose: Any, library: FakeDatasets | None) -> None:
    choose("auto", library)
    assert next(read_stories("train", 7)) == story(7)


def test_auto_keeps_off_the_network(choose: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    choose("auto", FakeDatasets(None))
    read_stories("train", 0)
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    monkeypatch.delenv("HF_HUB_OFFLINE")


@pytest.mark.parametrize(
    ("library", "message"),
    [(None, "not installed: pip install"), (FakeDatasets(None), "no network")],
    ids=["no-library", "no-network"],
)
def test_tinystories_that_cannot_be_had_is_an_error(choose: Any, library: Any, message: str) -> None:
    choose("tinystories", library)
    with pytest.raises(RuntimeError, match=message):
        read_stories("train", 0)


def test_the_source_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        read_stories("train", 0)
    assert capsys.readouterr().err == "TinyStories: reading the embedded stories (LAB_STORIES=grammar).\n"


def test_only_rank_0_says_it(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    read_stories("train", 0)
    assert capsys.readouterr().err == ""
