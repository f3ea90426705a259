"""What a container may see, and the arguments and rules that this becomes."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

from grader.containment import Limits, View, landlock, python_view
from grader.containment.bubblewrap import Bubblewrap, Data, Scene, arguments, wrap
from grader.containment.view import without_hidden

TOOL = Bubblewrap("/usr/bin/bwrap", "0.8.0", bounds_tmpfs=True, disables_userns=True)


def options(view: View, *, uid: int | None = None) -> list[str]:
    scene = Scene(view, Limits(), {"NAME": "value"}, "marker", uid)
    return ["DATA" if isinstance(word, Data) else word for word in arguments(TOOL, scene)]


def positions(words: list[str], *wanted: str) -> list[int]:
    joined = [" ".join(words[place : place + len(wanted)]) for place in range(len(words))]
    return [place for place, text in enumerate(joined) if text == " ".join(wanted)]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("lab/model.py", "solutions/key.py", "notes/a.txt", "notes/private/b.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def test_python_view_shows_a_package_but_not_the_folder_that_holds_it() -> None:
    view = python_view(["grader"])
    folder = Path(sys.modules["grader"].__path__[0])
    assert folder in view.readable
    assert folder.parent not in view.readable


def test_python_view_holds_both_ends_of_a_virtual_environment() -> None:
    shown = python_view().readable
    assert {Path(sys.prefix), Path(sys.base_prefix)} <= set(shown)
    assert any(Path(sys.executable).resolve().is_relative_to(path) for path in shown)


def test_python_view_hides_packages() -> None:
    assert Path(sys.modules["grader"].__path__[0]) in python_view(hidden_packages=["grader"]).hidden


def test_package_that_is_not_installed_is_named() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        python_view(["no_such_package"])


def test_folders_above_are_open_also_where_a_hidden_one_is_nowhere_to_be_seen(tree: Path) -> None:
    words = options(View((tree / "lab" / "model.py",), (tree / "lab",)))
    [bind] = positions(words, "--ro-bind", str(tree / "lab" / "model.py"))
    for folder in (tree, tree / "lab"):
        assert positions(words[:bind], "--perms", "0755", "--dir", str(folder))


def test_folder_around_a_hidden_one_is_replaced_by_its_other_entries(tree: Path) -> None:
    shown = without_hidden(View((tree,), (tree / "solutions", tree / "notes" / "private")))
    assert sorted(shown) == [tree / "lab", tree / "notes" / "a.txt"]


def test_hidden_folder_is_masked_after_the_folder_that_holds_it(tree: Path) -> None:
    words = options(View((tree,), (tree / "solutions",)))
    (shown,) = positions(words, "--ro-bind", str(tree), str(tree))
    (masked,) = positions(words, "--tmpfs", str(tree / "solutions"))
    assert shown < masked


def test_readable_folder_within_a_hidden_one_is_shown_after_the_mask(tree: Path) -> None:
    words = options(View((tree, tree / "notes" / "private"), (tree / "notes",)))
    (masked,) = positions(words, "--tmpfs", str(tree / "notes"))
    (shown,) = positions(words, "--ro-bind", str(tree / "notes" / "private"), str(tree / "notes" / "private"))
    assert masked < shown < positions(words, "--remount-ro", str(tree / "notes"))[0]


def test_hidden_folder_that_nothing_shows_needs_no_mask(tree: Path) -> None:
    assert (
        positions(options(View((tree / "lab",), (tree / "solutions",))), "--tmpfs", str(tree / "solutions"))
        == []
    )


def test_parents_of_a_shown_folder_can_be_entered(tree: Path) -> None:
    words = options(View((tree / "lab",)))
    assert positions(words, "--perms", "0755", "--dir", str(tree))


def test_parents_of_a_folder_within_a_hidden_one_that_nothing_shows_can_be_entered(tree: Path) -> None:
    words = options(View((tree / "notes" / "private",), (tree / "notes",)))
    assert positions(words, "--perms", "0755", "--dir", str(tree / "notes"))


def test_no_namespace_is_left_to_chance() -> None:
    words = options(View())
    assert {"--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"} <= set(
        words
    )
    assert not {"--unshare-user-try", "--share-net"} & set(words)


def test_every_private_folder_is_bounded() -> None:
    words = options(View())
    for place in positions(words, "--tmpfs"):
        assert words[place - 2] == "--size", words[place + 1]


def test_device_folder_cannot_be_written() -> None:
    assert positions(options(View()), "--remount-ro", "/dev")


def test_root_gives_the_command_a_user_of_its_own() -> None:
    scene = Scene(View(), Limits(), {}, "marker", 70001)
    assert "--reuid=70001" in wrap(scene, ["true"])
    assert "--unshare-user" not in options(View(), uid=70001)


def test_ordinary_user_needs_no_other_user() -> None:
    assert "setpriv" not in wrap(Scene(View(), Limits(), {}, "marker", None), ["true"])


@pytest.mark.parametrize(("abi", "words"), [(1, 1), (3, 1), (4, 2), (6, 3)])
def test_landlock_asks_for_no_more_than_the_kernel_knows(abi: int, words: int) -> None:
    rules = landlock.plan(abi, readable=[], writable=[], devices=[], loopback=False)
    assert len(rules.attribute) == 8 * words


@pytest.mark.parametrize(("loopback", "handled"), [(False, 0b11), (True, 0)], ids=["closed", "loopback"])
def test_landlock_closes_tcp_unless_workers_need_it(loopback: bool, handled: int) -> None:
    rules = landlock.plan(7, readable=[], writable=[], devices=[], loopback=loopback)
    assert struct.unpack("=3Q", rules.attribute)[1] == handled


def test_landlock_lets_a_readable_folder_be_read_only(tree: Path) -> None:
    rules = landlock.plan(7, readable=[tree / "lab"], writable=[tree / "notes"], devices=[], loopback=False)
    rights = {Path(path).name: right for path, right in rules.rules}
    assert not rights["lab"] & landlock.WRITE_FILE
    assert rights["lab"] & landlock.READ_FILE
    assert rights["notes"] & landlock.WRITE_FILE


def test_landlock_gives_a_file_no_rights_of_a_folder(tree: Path) -> None:
    rules = landlock.plan(7, readable=[tree / "lab" / "model.py"], writable=[], devices=[], loopback=False)
    ((_, rights),) = rules.rules
    assert not rights & landlock.READ_DIR
