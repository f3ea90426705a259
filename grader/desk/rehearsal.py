"""Tries a bundle as a student would: unpacked, in a new environment, with the handout as it is and with right answers in it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from ..homework import Homework
from .release import ReleaseError, build


@dataclass(frozen=True)
class Rehearsal:
    """One thing that was tried: what should come of it, and what did, where that is something else."""

    expected: str
    seen: str = ""


def rehearse(homework: Homework, workdir: Path) -> Iterator[Rehearsal]:
    """Build the bundle below `workdir`, install it there, and try it. Each step is told as it is done; the first that fails is the last."""
    steps = [_build, _install, _check_handout, _check_answers, _pack, _look_for_hidden_checks]
    if any(exercise.files for exercise in homework.exercises):
        steps[4:4] = [_check_starters, _check_scripts]
    for step in steps:
        rehearsal = step(homework, workdir)
        yield rehearsal
        if rehearsal.seen:
            return


def _build(homework: Homework, workdir: Path) -> Rehearsal:
    files = build(homework, workdir / "bundle.zip")
    with zipfile.ZipFile(workdir / "bundle.zip") as archive:
        archive.extractall(workdir)
    return Rehearsal(f"A bundle of {len(files)} files is built and unpacked.")


def _install(homework: Homework, workdir: Path) -> Rehearsal:
    expected = "It installs in a new environment."
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    python = str(_python(workdir))
    if uv is not None:  # seconds instead of minutes
        made = _run([uv, "venv", "--quiet", "--python", sys.executable, str(workdir / "venv")], workdir)
        made = made or _run(
            [uv, "pip", "install", "--quiet", "--python", python, "-e", "."], _bundle(homework, workdir)
        )
        return Rehearsal(expected, made)
    venv.create(workdir / "venv", with_pip=True)
    return Rehearsal(
        expected, _run([python, "-m", "pip", "install", "--quiet", "-e", "."], _bundle(homework, workdir))
    )


def _check_handout(homework: Homework, workdir: Path) -> Rehearsal:
    tests, problem = _check(homework, workdir, "-fpath", homework.handout_file)
    earned = [test["name"] for test in tests if test["score"]]
    return Rehearsal("The handout as it is runs, and scores 0.", problem or ", ".join(earned[:3]))


def _check_answers(homework: Homework, workdir: Path) -> Rehearsal:
    files = [path for path in _folder_of(homework, "answers").iterdir() if path.suffix in (".py", ".md")]
    answers = {path.stem: path.read_text(encoding="utf-8") for path in files}
    notebook: Any = nbformat.read(homework.folder / homework.handout_file, as_version=4)
    for cell in notebook.cells:
        for tag in cell.metadata.get("tags", []):
            cell.source = answers.get(tag, cell.source)
    nbformat.write(notebook, _bundle(homework, workdir) / homework.handout_file)  # as students do
    tests, problem = _check(homework, workdir, "-fpath", homework.handout_file)
    failed = [f"{test['name']}: {test['output']}" for test in tests if test.get("status") == "failed"]
    return Rehearsal("With right answers in it, every check passes.", problem or "\n".join(failed[:3]))


def _check_starters(homework: Homework, workdir: Path) -> Rehearsal:
    tests, problem = _check(homework, workdir, "--scripts", homework.starters)
    passed = [test["name"] for test in tests if test.get("status") == "passed"]
    return Rehearsal("The scripts as they are pass no check.", problem or ", ".join(passed[:3]))


def _check_scripts(homework: Homework, workdir: Path) -> Rehearsal:
    scripts = _bundle(homework, workdir) / (homework.starters or "scripts")
    scripts.mkdir(exist_ok=True)
    for name in dict.fromkeys(name for exercise in homework.exercises for name in exercise.files):
        shutil.copyfile(_folder_of(homework, "scripts") / name, scripts / name)
    tests, problem = _check(homework, workdir, "--scripts", str(scripts))
    told = [
        f"{test['name']}: {test['output']}"
        for test in tests
        if test.get("status") == "failed" or test["extra_data"].get("remarks")
    ]
    return Rehearsal(
        "With right scripts in their place, every check passes, and nothing is remarked.",
        problem or "\n".join(told[:3]),
    )


def _pack(homework: Homework, workdir: Path) -> Rehearsal:
    command = [str(_python(workdir)), "-m", "grader", "pack", "--out", str(workdir / "hand-in.zip")]
    return Rehearsal("It packs what is to be handed in.", _run(command, _bundle(homework, workdir)))


def _look_for_hidden_checks(homework: Homework, workdir: Path) -> Rehearsal:
    command = [str(_python(workdir)), "-m", "pytest", "--collect-only", "--quiet", homework.hidden.checks]
    ended = subprocess.run(
        command, cwd=_bundle(homework, workdir), capture_output=True, text=True, check=False
    )
    found = (
        "" if ended.returncode == 4 else f"pytest ended with status {ended.returncode}: {ended.stdout[-500:]}"
    )
    return Rehearsal("It finds no hidden check.", found)


def _check(homework: Homework, workdir: Path, *given: str) -> tuple[list[dict[str, Any]], str]:
    """The results of the public checks of what is given; or what kept them from being run."""
    results = workdir / "results.json"
    results.unlink(missing_ok=True)
    command = [str(_python(workdir)), "-m", "pytest", *given, f"--json={results}"]
    ended = subprocess.run(
        command, cwd=_bundle(homework, workdir), capture_output=True, text=True, check=False
    )
    if not results.exists():
        return [], (ended.stderr or ended.stdout)[-1000:]
    return json.loads(results.read_text(encoding="utf-8"))["tests"], ""


def _run(command: Sequence[str], folder: Path) -> str:
    """What a command that fails has said."""
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return (ended.stderr or ended.stdout or f"exit status {ended.returncode}") if ended.returncode else ""


def _folder_of(homework: Homework, key: str) -> Path:
    """The folder with right answers that `key` names."""
    name = getattr(homework.release, key, "")
    if not name:
        raise ReleaseError(
            f"[release] of homework.toml names no `{key}`: a folder with right answers, to try the bundle with."
        )
    return homework.folder / name


def _bundle(homework: Homework, workdir: Path) -> Path:
    assert homework.release is not None
    return workdir / homework.release.name


def _python(workdir: Path) -> Path:
    folder = "Scripts" if sys.platform == "win32" else "bin"
    return workdir / "venv" / folder / "python"
