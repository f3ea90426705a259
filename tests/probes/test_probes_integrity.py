"""What is seen of a notebook that meddles with the lab, and what it can't use."""

from __future__ import annotations

from typing import Any

import pytest

from lab_2_hfl import servers
from lab_2_hfl.servers import FedAvgServer, FedSgdServer
from probes import integrity
from probes.servers import make_subsets

CLIENTS = {"sizes": [4, 6], "seed": 5}
KEPT = {"init": FedSgdServer.__init__, "run": FedSgdServer.run}


def test_nothing_is_found_in_an_untouched_lab() -> None:
    assert integrity.find_tampering() == []


@pytest.mark.parametrize("name", ["run", "__init__"])
def test_a_replaced_method_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(FedAvgServer, name, lambda *_: None)

    assert integrity.find_tampering() == [f"FedAvgServer.{name} of the lab was replaced"]


def test_replaced_code_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FedSgdServer.run, "__code__", (lambda *_: None).__code__)

    assert integrity.find_tampering() == ["FedSgdServer.run of the lab was replaced"]


def test_replaced_data_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "train_dataset", [])

    assert "train_dataset of the lab was replaced" in integrity.find_tampering()


@pytest.mark.parametrize(
    "use",
    [
        lambda subsets: FedSgdServer(0.1, subsets, 1.0, 3),
        lambda subsets: KEPT["init"](object.__new__(FedSgdServer), 0.1, subsets, 1.0, 3),
        lambda _: KEPT["run"](None, 1),
    ],
    ids=["class", "kept __init__", "kept run"],
)
def test_a_blocked_class_can_t_be_used_by_what_was_kept_of_it(use: Any) -> None:
    subsets = make_subsets(CLIENTS)
    with (
        integrity.blocked(["FedSgdServer"], "A1.1"),
        pytest.raises(integrity.Unusable, match=r"FedSgdServer can't be used in A1\.1"),
    ):
        use(subsets)

    assert len(FedSgdServer(0.1, subsets, 1.0, 3).clients) == 2
    assert integrity.find_tampering() == []


def test_a_replaced_method_does_not_keep_the_original_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FedSgdServer, "run", lambda *_: None)
    with integrity.blocked(["FedSgdServer"], "A1.1"), pytest.raises(integrity.Unusable):
        KEPT["run"](None, 1)
