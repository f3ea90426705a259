"""The walk of a student through docs/students.md, from the unpacked bundle to the hand-in, made once; tests look at what was seen on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from record import Record, read_answer

PLACE = os.environ.get("WALK")  # with an unpacked and installed bundle: `tox -e walk` makes it
if PLACE is None:
    collect_ignore_glob = ["test_*.py"]
KIT = Path(__file__).resolve().parents[2]
OTHER = "# %%\nprint('This is not the notebook.')\n"  # what Jupyter could take for a newer version of the notebook


@pytest.fixture(scope="session")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    from lab import open_lab
    from student import Student, press_ctrl_c, read_until

    assert PLACE is not None
    pictures = Path(PLACE) / "pictures"
    pictures.mkdir(exist_ok=True)
    student = Student(Path(PLACE) / "homework_1", tmp_path_factory.mktemp("home"))
    record = Record()
    said = record.said

    # 1. The first minute: nothing is written yet.
    said["untouched"] = student.type("pytest -fpath homework_1.ipynb")
    said["without -fpath"] = student.type("pytest", more="homework_1.ipynb")
    said["starter"] = student.type("python -m launch b1.sh", "notebooks/part_b")

    # 2. The notebook in JupyterLab, with something beside it that Jupyter could take for a newer version.
    (student.notebooks / "homework_1.py").write_text(OTHER)
    watch = student.start("grader watch homework_1.ipynb")
    said["watch, at first"] = read_until(watch, "A3.3  ")
    with open_lab(student, pictures) as lab:
        lab.take_picture("1-opened")
        record.tags["at first"] = lab.list_tags()
        said["setup"] = lab.run("setup")
        lab.take_picture("2-set-up")

        # 3. An answer is written, run and saved.
        lab.write("fedsgd_weight", read_answer("fedsgd_weight"))
        said["run"] = lab.run("fedsgd_weight")
        lab.take_picture("3-answered")
        lab.save()
        said["watch, after A1.1"] = read_until(watch, "A1.1  ")

        # 4. Another one, in a cell that is then split between its two lines.
        lab.write("fedsgd_diff", read_answer("fedsgd_diff"))
        lab.press("Control+Home", "End", "Control+Shift+-")
        lab.take_picture("4-split")
        lab.save()
        said["watch, after the split"] = read_until(watch, "A1.2  ")
        record.tags["after the split"] = lab.list_tags()

        # 5. Marked cells stay.
        lab.select("fedavg_grad")
        lab.press("d", "d")
        record.can_delete["a marked cell"] = lab.offers("Edit", "Delete Cell")
        lab.take_picture("5-not-deleted")
        lab.select("fedavg_grad", below=1)
        record.can_delete["the cell below"] = lab.offers("Edit", "Delete Cell")
        record.tags["after deleting"] = lab.list_tags()

        # 6. The checks, in a terminal of JupyterLab's own.
        said["terminal"] = lab.type_in_terminal(
            "source .venv/bin/activate", "cd notebooks", "pytest -fpath homework_1.ipynb", until="Total "
        )
        lab.take_picture("6-checked")
        record.dialogs += lab.list_dialogs()

    # 7. Another day.
    with open_lab(student, pictures) as lab:
        record.reopened = {tag: lab.read(tag) for tag in ("fedsgd_weight", "fedsgd_diff")}
        lab.take_picture("7-reopened")
        lab.write("client_number_observations", read_answer("client_number_observations"))
        lab.save()
        said["watch, after A2.1"] = read_until(watch, "A2.1  ")
        record.dialogs += lab.list_dialogs()
    record.watch_status, _ = press_ctrl_c(watch)

    # 8. The hand-in, and what becomes of it.
    said["pack"] = student.type("grader pack")
    results = tmp_path_factory.mktemp("graded") / "results.json"
    command = [sys.executable, "-m", "grader", "grade", str(student.notebooks / "homework_1.zip")]
    graded = subprocess.run(
        [*command, f"--json={results}", "--exercise=A1.1,A1.2"],
        cwd=KIT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert results.exists(), graded.stderr
    record.grade = json.loads(results.read_text())
    (Path(PLACE) / "record.json").write_text(json.dumps(asdict(record), indent=1))
    return record
