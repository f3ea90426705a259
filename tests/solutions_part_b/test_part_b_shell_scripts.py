"""The shell scripts, with a stand-in for python: who is started, who is waited for, what comes out."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RANKS = {
    "solutions/b1.sh": 3,
    "solutions/b2.sh": 6,
    "lab_1_parallelism/examples/data_parallel_gradients.sh": 3,
    "lab_1_parallelism/examples/data_parallel_weights.sh": 3,
    "lab_1_parallelism/examples/pipeline.sh": 3,
}
SHELLS = [
    pytest.param(shell, marks=pytest.mark.skipif(shutil.which(shell) is None, reason=f"no {shell} here"))
    for shell in ("sh", "bash", "dash", "zsh", "busybox")
]

# Says what it was started with. STATUS_<rank> is its exit status, FOREVER_<rank> lets it run until ended.
STAND_IN = """#!/bin/sh
if [ "$1" = -c ]; then echo 4242; exit; fi
echo "$(basename "$1") rank $2 port $MASTER_PORT arguments ${3-none} ${4-}"
eval "forever=\\${FOREVER_$2-} status=\\${STATUS_$2-0}"
[ -z "$forever" ] || exec tail -f /dev/null
exit "$status"
"""

Run = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Run:
    """Start a copy of a script; its output ends only when the last process that holds it has ended."""
    python = tmp_path / "python"
    python.write_text(STAND_IN)
    python.chmod(0o755)

    def run(
        script: str, *arguments: str, shell: str = "sh", crlf: bool = False, **settings: str
    ) -> subprocess.Popen[str]:
        folder = tmp_path / "a folder"
        folder.mkdir(exist_ok=True)
        copy = folder / Path(script).name
        text = (ROOT / script).read_bytes()
        copy.write_bytes(text.replace(b"\n", b"\r\n") if crlf else text)
        environment = {key: value for key, value in os.environ.items() if key != "MASTER_PORT"}
        return subprocess.Popen(
            [*([shell, "sh"] if shell == "busybox" else [shell]), os.fspath(copy), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
            env=environment | {"PYTHON": os.fspath(python)} | settings,
        )

    return run


def finish(process: subprocess.Popen[str]) -> tuple[int, list[str]]:
    """Exit status and sorted lines, once the script and everything that it started have ended."""
    output, _ = process.communicate(timeout=20)
    return process.returncode, sorted(output.splitlines())


@pytest.mark.parametrize("script", RANKS)
@pytest.mark.parametrize("crlf", [False, True], ids=["lf", "crlf"])
def test_every_rank_is_started_and_waited_for(start: Run, script: str, crlf: bool) -> None:
    status, lines = finish(start(script, crlf=crlf))
    name = Path(script).with_suffix(".py").name
    assert status == 0
    assert lines == [f"{name} rank {rank} port 4242 arguments none " for rank in range(RANKS[script])]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("failing", [0, 2])
def test_if_a_rank_fails_the_others_are_ended_and_its_status_is_passed_on(
    start: Run, shell: str, failing: int
) -> None:
    others = {f"FOREVER_{rank}": "yes" for rank in range(3) if rank != failing}
    status, _ = finish(start("solutions/b1.sh", shell=shell, **{f"STATUS_{failing}": "7"}, **others))
    assert status == 7


@pytest.mark.parametrize("shell", SHELLS)
def test_a_rank_that_fails_last_is_noticed(start: Run, shell: str) -> None:
    assert finish(start("solutions/b1.sh", shell=shell, STATUS_1="3"))[0] == 3


@pytest.mark.parametrize(
    ("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "kill"]
)
def test_ending_the_script_ends_the_ranks(start: Run, sent: signal.Signals, status: int) -> None:
    process = start("solutions/b2.sh", **{f"FOREVER_{rank}": "yes" for rank in range(6)})
    assert process.stdout is not None
    for _ in range(6):
        process.stdout.readline()  # once all have spoken, all run
    process.send_signal(sent)
    assert finish(process)[0] == status


def test_arguments_are_passed_on(start: Run) -> None:
    _, lines = finish(start("solutions/b1.sh", "--schedule", "1f1b"))
    assert all(line.endswith("arguments --schedule 1f1b") for line in lines)


def test_a_port_that_is_set_is_kept(start: Run) -> None:
    _, lines = finish(start("solutions/b1.sh", MASTER_PORT="1234"))
    assert all(" port 1234 " in line for line in lines)


@pytest.mark.parametrize("name", ["b1.sh", "b2.sh"])
def test_the_handout_has_the_same_script(name: str) -> None:
    assert (ROOT / "notebooks/part_b" / name).read_bytes() == (ROOT / "solutions" / name).read_bytes()


@pytest.mark.parametrize("script", RANKS)
def test_every_line_ends_in_a_comment(script: str) -> None:
    lines = (ROOT / script).read_text().splitlines()
    assert all("#" in line for line in lines), "a line without one would break with Windows line ends"
