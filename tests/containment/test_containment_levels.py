"""What is said of a machine, and what becomes of a level that it does not give."""

from __future__ import annotations

import pytest

from grader.containment import (
    Container,
    ContainmentError,
    ContainmentLayer,
    Level,
    Machine,
    format_machine,
    probe,
)
from grader.containment.bubblewrap import Bubblewrap

BUBBLEWRAP = Bubblewrap("/usr/bin/bwrap", "0.8.0", bounds_tmpfs=True, disables_userns=True)
LAYERS = (
    ContainmentLayer("bubblewrap", False, "not installed", "sudo apt-get install bubblewrap"),
    ContainmentLayer("Landlock", True, "7"),
)


@pytest.mark.parametrize(
    ("machine", "level"),
    [
        pytest.param(Machine(bubblewrap=BUBBLEWRAP, landlock=7), Level.FULL, id="bubblewrap"),
        pytest.param(Machine(landlock=7, namespaces=True), Level.REDUCED, id="Landlock and namespaces"),
        pytest.param(Machine(landlock=1), Level.REDUCED, id="Landlock"),
        pytest.param(Machine(namespaces=True), Level.NONE, id="namespaces alone"),
        pytest.param(Machine(), Level.NONE, id="nothing"),
    ],
)
def test_level_follows_from_what_the_machine_has(machine: Machine, level: Level) -> None:
    assert machine.level is level


def test_every_layer_is_told_and_the_missing_one_with_its_remedy() -> None:
    text = format_machine(Machine(LAYERS, landlock=7))
    assert text.startswith("Containment: reduced")
    assert "to have it: sudo apt-get install bubblewrap" in text
    assert text.count("to have it") == 1


@pytest.mark.parametrize("level", [Level.FULL, Level.REDUCED])
def test_level_that_the_machine_does_not_give_is_refused(level: Level) -> None:
    with pytest.raises(ContainmentError, match="sudo apt-get install bubblewrap"):
        Container(level=level, machine=Machine(LAYERS)).start(["true"])


def test_probe_gives_a_reason_for_each_missing_layer() -> None:
    assert [
        layer.name for layer in probe().layers if not layer.present and not (layer.detail and layer.remedy)
    ] == []
