"""Which drawn arguments are vetted, and how more are found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from private_tests import draws, vetting
from private_tests.draws import draw_arguments, propose_arguments, read_vetted
from private_tests.questions import EXPERIMENTS
from private_tests.sensitivity import Ask

TABLE = "client_number_experiments"


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where found numbers are kept: of another function there are some."""
    path = tmp_path / "vetted.json"
    path.write_text('{"client_fraction_experiments": {"5": {"n": 7}}}')
    for module in (draws, vetting):
        monkeypatch.setattr(module, "VETTED", path)
    read_vetted.cache_clear()
    yield path
    read_vetted.cache_clear()


def answer(weak: set[int]) -> Ask:
    """A reference whose accuracy falls in the second round and changes with each argument, but in `weak` proposals not with the rate."""
    weak_seeds = {propose_arguments(number, TABLE)["seed"] for number in weak}

    def ask(function: str, arguments: dict[str, Any]) -> Any:
        if function == "describe_function":
            return {"parameters": {key: {"default": None} for key in propose_arguments(0, TABLE)}}
        given = arguments["arguments"]
        if given["seed"] in weak_seeds:
            given = {**given, "lr": "hidden"}
        fedavg = 60.0 if None in given.values() or given["nr_rounds"] == 1 else 50.0
        return {"value": {"FedSGD": [20.0], "FedAvg": [fedavg]}}

    return ask


def test_proposals_that_hide_an_argument_are_left_out(found: Path) -> None:
    vetting.vet(answer(weak={0, 2}), TABLE, wanted=3)

    assert json.loads(found.read_text()) == {
        "client_fraction_experiments": {"5": {"n": 7}},
        TABLE: {str(number): propose_arguments(number, TABLE) for number in (1, 3, 4)},
    }


def test_an_interrupted_search_goes_on(found: Path) -> None:
    found.write_text(json.dumps({TABLE: {"4": {}, "6": {}}}))

    vetting.vet(answer(weak={7}), TABLE, wanted=3)

    assert list(json.loads(found.read_text())[TABLE]) == ["4", "6", "8"]


@pytest.mark.parametrize("function", EXPERIMENTS)
def test_seeds_choose_among_vetted_proposals(function: str) -> None:
    vetted = list(read_vetted()[function].values())
    drawn = [draw_arguments(seed, function) for seed in range(200)]

    assert [arguments for arguments in drawn if arguments not in vetted] == []
    assert [arguments for arguments in vetted if arguments not in drawn] == []


@pytest.mark.parametrize("function", EXPERIMENTS)
def test_vetted_proposals_are_today_s(function: str) -> None:
    """Else they must be found anew."""
    vetted = read_vetted()[function]

    assert vetted == {number: propose_arguments(int(number), function) for number in vetted}
