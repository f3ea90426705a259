"""Parallel workers in one container, watched by the launcher; plain Python, so that each run takes a moment only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from kinds import Kind

import launch
from grader.containment import ContainedWorkers, Limits, View
from grader.containment.limits import MIB
from launch.run import HOOK
from launch.run_report import Outcome, RankState

SECRET = "swordfish"
SCRIPT = "python b1.py 0 &\npython b1.py 1 &\nwait\n"
Run = Callable[..., tuple[launch.RunReport, ContainedWorkers, Path]]


@pytest.fixture
def run_workers(kernel_kind: Kind, open_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a program as two ranks, beside a secret file and below a secret of the environment."""
    monkeypatch.setenv("GRADER_SECRET", SECRET)
    (open_path / "secret").write_text(SECRET)

    def run(
        program: str, script: str = SCRIPT, **limits: int
    ) -> tuple[launch.RunReport, ContainedWorkers, Path]:
        folder = open_path / "submission"
        folder.mkdir()
        (folder / "b1.py").write_text(program)
        (folder / "b1.sh").write_text(script)
        view = kernel_kind.view + View((HOOK,))
        with ContainedWorkers(
            view, kernel_kind.level, Limits(**limits), machine=kernel_kind.machine
        ) as workers:
            report = launch.run(
                folder / "b1.sh",
                ranks=2,
                steps=1,
                timeout_s=60.0,
                output_dir=open_path / "out",
                start=workers.start,
            )
        return report, workers, folder

    return run


MEETING = """
import os, pathlib, socket, sys, time
rank = int(sys.argv[1])
if rank == 0:
    server = socket.create_server(("localhost", int(os.environ["MASTER_PORT"])))
    pathlib.Path("listens").touch()
    peer = server.accept()[0]
    said = peer.recv(10).decode()
else:
    while not pathlib.Path("listens").exists():
        time.sleep(0.01)
    said = "hello"
    socket.create_connection(("localhost", int(os.environ["MASTER_PORT"]))).send(said.encode())
found = [os.environ.get("GRADER_SECRET")]
try:
    found.append(pathlib.Path("../secret").read_text())
except OSError:
    found.append("closed")
pathlib.Path(f"said{rank}").write_text(f"{said} {found}")
"""


def test_workers_meet_and_see_no_secret(run_workers: Run) -> None:
    report, _, folder = run_workers(MEETING)

    assert (report.exit_status, report.outcome) == (0, Outcome.WRONG_STEPS), report
    assert [rank.state for rank in report.ranks] == [RankState.ENDED, RankState.ENDED]
    assert [(folder / f"said{rank}").read_text() for rank in (0, 1)] == ["hello [None, 'closed']"] * 2


GLOO = """
import pathlib, sys
import torch
import torch.distributed as dist
rank = int(sys.argv[1])
dist.init_process_group("gloo", rank=rank, world_size=2)
total = torch.tensor([rank + 1.0])
dist.all_reduce(total)
pathlib.Path(f"said{rank}").write_text(f"{total.item()}")
dist.destroy_process_group()
"""


def test_gloo_finds_its_peers_by_the_container_s_own_names(run_workers: Run) -> None:
    report, _, folder = run_workers(GLOO)

    assert report.exit_status == 0, report.output
    assert [(folder / f"said{rank}").read_text() for rank in (0, 1)] == ["3.0", "3.0"]


def test_a_worker_that_left_its_session_ends_with_the_run(
    run_workers: Run, find_processes: Callable[[str], list[int]]
) -> None:
    report, _, _ = run_workers(
        "import os, subprocess, sys\n"
        "if sys.argv[1] == '0':\n"
        "    subprocess.Popen(['sleep', '7531'], start_new_session=True)\n"
    )

    assert report.survivors == ()
    assert find_processes("sleep 7531") == []


def test_workers_may_outlive_their_script(run_workers: Run) -> None:
    report, _, folder = run_workers(
        "import pathlib, sys, time\ntime.sleep(1)\npathlib.Path(f'said{sys.argv[1]}').touch()\n",
        script=SCRIPT.replace("wait", "exit 3"),
    )

    assert (report.exit_status, report.script_waited) == (3, False), report
    assert all((folder / f"said{rank}").exists() for rank in (0, 1))


def test_workers_that_fill_the_disk_are_stopped(run_workers: Run) -> None:
    _, workers, _ = run_workers(
        "import sys\nwith open('big' + sys.argv[1], 'wb') as file:\n    while True: file.write(bytes(1 << 16)); file.flush()\n",
        scratch_bytes=8 * MIB,
    )

    assert workers.breach is not None
    assert workers.breach.limit == "scratch_bytes"


def test_a_link_among_the_events_is_not_followed(run_workers: Run, open_path: Path) -> None:
    report, _, _ = run_workers(
        f"import os\nos.symlink({str(open_path / 'secret')!r}, os.environ['LAUNCH_EVENTS'] + '/1-99.jsonl')\n"
    )

    assert report.rejected_lines == 1
    assert SECRET not in (report.output_dir / "report.json").read_text()
