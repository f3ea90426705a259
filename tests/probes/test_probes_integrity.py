"""What is seen of a notebook that meddles with the lab, or hands its work to the lab's own servers."""

from __future__ import annotations

from typing import Any

import pytest

from lab_2_hfl import servers
from lab_2_hfl.servers import DecentralizedServer, FedAvgServer, FedSgdServer
from probes import integrity

ARGUMENTS = {"lr": 0.1, "client_fraction": 1.0, "seed": 3}
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
    subsets = integrity.make_subsets(CLIENTS)
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


class Honest(DecentralizedServer):
    def __init__(self, lr: float, client_subsets: Any, client_fraction: float, seed: int) -> None:
        super().__init__(lr, -1, client_subsets, client_fraction, seed)

    def run(self, nr_rounds: int) -> Any:
        return nr_rounds


class Holds(Honest):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.inner = {"server": [KEPT["make"](**kwargs)]}


class Names(Honest):
    def run(self, nr_rounds: int) -> Any:
        return [FedSgdServer for _ in range(nr_rounds)]


class Copies(Honest):
    run = FedSgdServer.run


class Notes(Honest):
    def run(self, nr_rounds: int) -> Any:
        return clients.append(nr_rounds)  # noqa: F821 - a global of the notebook, with the name of an attribute


KEPT["make"] = lambda **kwargs: FedSgdServer(**kwargs)


@pytest.mark.parametrize(
    ("cls", "signs"),
    [
        (Honest, []),
        (Holds, ["a Holds holds a FedSgdServer"]),
        (Names, ["Names.run uses FedSgdServer"]),
        (Copies, ["Copies.run is FedSgdServer.run"]),
        (Notes, []),
    ],
)
def test_a_server_that_hands_its_work_on_is_flagged(cls: type, signs: list[str]) -> None:
    namespace = {"cls": cls, "FedSgdServer": FedSgdServer, "clients": []}

    assert integrity.find_borrowed(namespace, "cls", ARGUMENTS, CLIENTS, ["FedSgdServer"]) == [
        sign.replace("a Holds", "a cls") for sign in signs
    ]


def test_more_samples_than_there_are_are_dealt_again() -> None:
    subsets = integrity.make_subsets({"sizes": [5, len(servers.train_dataset)], "seed": 3})

    assert [len(subset) for subset in subsets] == [5, len(servers.train_dataset)]
    assert set(subsets[0].indices) < set(subsets[1].indices)
