"""The watchdog's judgement, cgroups and a kernel's output, each without a container."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from grader.containment import Limits, remove_folder
from grader.containment.census import Usage, of_descendants, of_namespace
from grader.containment.cgroup import Cgroup, find_parent
from grader.containment.provisioner import FirstWords
from grader.containment.watchdog import Watched, find_breach

LIMITS = Limits(resident_bytes=1000, processes=10, cpu_s=5)
linux_only = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")


@pytest.mark.parametrize(
    ("usages", "limit"),
    [
        pytest.param([Usage(1, 999, 4.0, 9)], None, id="within"),
        pytest.param([Usage(1, 600, 0.0, 1), Usage(2, 600, 0.0, 1)], "resident_bytes", id="memory of two"),
        pytest.param([Usage(1, 1, 0.0, 6), Usage(2, 1, 0.0, 6)], "processes", id="threads of two"),
        pytest.param([Usage(1, 1, 3.5, 1), Usage(2, 1, 2.5, 1)], "cpu_s", id="time of two"),
        pytest.param([], None, id="nobody"),
    ],
)
def test_limits_hold_for_all_processes_together(usages: list[Usage], limit: str | None) -> None:
    breach = find_breach(Watched(lambda: usages, None), LIMITS)
    assert (breach.limit if breach else None) == limit


def nest(folder: Path, names: list[str]) -> int:
    """Make folders within folders, whatever their path's length; the innermost, open."""
    handle = os.open(folder, os.O_RDONLY)
    for name in names:
        os.mkdir(name, dir_fd=handle)
        inner = os.open(name, os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    return handle


@linux_only
@pytest.mark.parametrize(
    ("names", "files", "limit"),
    [
        pytest.param(["d" * 250] * 20, 1, None, id="a few at the end of a long path"),
        pytest.param(["d" * 250] * 20, 5, "files", id="many at the end of a long path"),
        pytest.param(["d"] * 40, 0, "levels", id="too deep"),
    ],
)
def test_what_lies_deep_is_counted(tmp_path: Path, names: list[str], files: int, limit: str | None) -> None:
    innermost = nest(tmp_path, names)
    for number in range(files):
        os.close(os.open(f"f{number}", os.O_CREAT | os.O_WRONLY, dir_fd=innermost))
    os.close(innermost)

    breach = find_breach(Watched(list, None, shared=(tmp_path,)), Limits(files=23, levels=30))

    assert (breach.limit if breach else None) == limit


@linux_only
@pytest.mark.parametrize("names", [["d" * 250] * 20, ["d"] * 3000], ids=["a long path", "a deep one"])
def test_what_lies_deep_is_removed(tmp_path: Path, names: list[str]) -> None:
    os.close(nest(tmp_path, ["run", *names]))

    remove_folder(tmp_path / "run")

    assert list(tmp_path.iterdir()) == []


@linux_only
def test_shared_pages_count_once() -> None:
    proc_fd = os.open("/proc", os.O_RDONLY)
    claimed = [Usage(os.getpid(), 1 << 40, 0.0, 1)]  # a quick sum far too high, which the exact one corrects
    limits = Limits(resident_bytes=1 << 39)
    try:
        assert find_breach(Watched(lambda: claimed, proc_fd), limits) is None
    finally:
        os.close(proc_fd)


@linux_only
def test_census_of_a_proc_folder_sees_its_processes() -> None:
    proc_fd = os.open("/proc", os.O_RDONLY)
    try:
        (own,) = [usage for usage in of_namespace(proc_fd) if usage.pid == os.getpid()]
    finally:
        os.close(proc_fd)
    assert own.resident_bytes > 1 << 20
    assert own.threads >= 1


def test_census_of_descendants_starts_with_the_root() -> None:
    assert os.getpid() in [usage.pid for usage in of_descendants(os.getpid())]


@pytest.fixture
def cgroups(tmp_path: Path) -> Path:
    """A tree as systemd hands it to a user: limits are handed on down to app.slice, and no further."""
    inner = tmp_path / "user.slice" / "app.slice" / "run.scope"
    inner.mkdir(parents=True)
    for folder, handed_on in ((tmp_path, "memory pids"), (inner.parent, "cpu memory pids"), (inner, "")):
        (folder / "cgroup.subtree_control").write_text(handed_on)
        (folder / "cgroup.procs").write_text("")
    (tmp_path / "membership").write_text("1:memory:/elsewhere\n0::/user.slice/app.slice/run.scope\n")
    return tmp_path


def test_cgroup_is_made_beside_the_own_one(cgroups: Path) -> None:
    assert find_parent(cgroups, cgroups / "membership") == cgroups / "user.slice" / "app.slice"


def test_without_handed_on_limits_there_is_no_cgroup(cgroups: Path) -> None:
    for folder in (cgroups, cgroups / "user.slice" / "app.slice"):
        (folder / "cgroup.subtree_control").write_text("cpu")
    assert find_parent(cgroups, cgroups / "membership") is None


def test_version_1_alone_gives_no_cgroup(cgroups: Path) -> None:
    (cgroups / "membership").write_text("1:memory:/elsewhere\n")
    assert find_parent(cgroups, cgroups / "membership") is None


def test_cgroup_bounds_memory_and_processes(tmp_path: Path) -> None:
    cgroup = Cgroup.make(tmp_path, Limits(resident_bytes=8000, processes=100))
    read = {path.name: path.read_text() for path in cgroup.folder.iterdir()}
    assert read == {"memory.max": "9000", "memory.oom.group": "1", "pids.max": "116", "memory.swap.max": "0"}


@pytest.mark.parametrize(
    ("events", "killed"), [("oom 1\noom_kill 2\n", True), ("oom 3\noom_kill 0\n", False)]
)
def test_kernel_that_killed_for_memory_is_noticed(tmp_path: Path, events: str, killed: bool) -> None:
    (tmp_path / "memory.events").write_text(events)
    assert Cgroup(tmp_path).ran_out_of_memory() is killed


def test_of_a_kernel_s_output_the_beginning_is_kept() -> None:
    output = FirstWords(io.BufferedReader(io.BytesIO(b"x" * 200_000)), 100)  # type: ignore[arg-type]
    output.thread.join()
    assert output.kept == b"x" * 100
