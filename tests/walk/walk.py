"""The walk itself, in eight steps; each method takes some of them, in this order."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from lab import Lab, open_lab
from record import Record, read_answer
from student import Student, press_ctrl_c, read_until

KIT = Path(__file__).resolve().parents[2]
OTHER = "# %%\nprint('This is not the notebook.')\n"  # what Jupyter could take for a newer version of the notebook


class Walk:
    """record: what was seen so far"""

    def __init__(self, student: Student, pictures: Path) -> None:
        self._student = student
        self._pictures = pictures
        self.record = Record()
        self._said = self.record.said

    def begin(self) -> None:
        # 1. The first minute: nothing is written yet.
        self._said["untouched"] = self._student.type("pytest -fpath homework_1.ipynb")
        self._said["without -fpath"] = self._student.type("pytest", more="homework_1.ipynb")
        self._said["starter"] = self._student.type("python -m launch b1.sh", "notebooks/part_b")

    def work(self) -> None:
        # 2. The notebook in JupyterLab, with something beside it that Jupyter could take for a newer version.
        (self._student.notebooks / "homework_1.py").write_text(OTHER)
        watch = self._student.start("grader watch homework_1.ipynb")
        self._said["watch, at first"] = read_until(watch, "A3.3  ")
        with open_lab(self._student, self._pictures) as lab:
            lab.take_picture("1-opened")
            self.record.tags["at first"] = lab.list_tags()
            self._said["setup"] = lab.run("setup")
            lab.take_picture("2-set-up")
            self._answer(lab, watch)
            self._try_to_delete(lab)
            self._check(lab)
        self._work_another_day(watch)
        self.record.watch_status, _ = press_ctrl_c(watch)

    def _answer(self, lab: Lab, watch: subprocess.Popen[str]) -> None:
        # 3. An answer is written, run and saved.
        lab.write("fedsgd_weight", read_answer("fedsgd_weight"))
        self._said["run"] = lab.run("fedsgd_weight")
        lab.take_picture("3-answered")
        lab.save()
        self._said["watch, after A1.1"] = read_until(watch, "A1.1  ")

        # 4. Another one, in a cell that is then split between its two lines.
        lab.write("fedsgd_diff", read_answer("fedsgd_diff"))
        lab.press("Control+Home", "End", "Control+Shift+-")
        lab.take_picture("4-split")
        lab.save()
        self._said["watch, after the split"] = read_until(watch, "A1.2  ")
        self.record.tags["after the split"] = lab.list_tags()

    def _try_to_delete(self, lab: Lab) -> None:
        # 5. Marked cells stay.
        lab.select("fedavg_grad")
        lab.press("d", "d")
        self.record.can_delete["a marked cell"] = lab.offers("Edit", "Delete Cell")
        lab.take_picture("5-not-deleted")
        lab.select("fedavg_grad", below=1)
        self.record.can_delete["the cell below"] = lab.offers("Edit", "Delete Cell")
        self.record.tags["after deleting"] = lab.list_tags()

    def _check(self, lab: Lab) -> None:
        # 6. The checks, in a terminal of JupyterLab's own.
        commands = ("source .venv/bin/activate", "cd notebooks", "pytest -fpath homework_1.ipynb")
        self._said["terminal"] = lab.type_in_terminal(*commands, until="Total ")
        lab.take_picture("6-checked")
        self.record.dialogs += lab.list_dialogs()

    def _work_another_day(self, watch: subprocess.Popen[str]) -> None:
        # 7. JupyterLab is opened again.
        with open_lab(self._student, self._pictures) as lab:
            self.record.reopened = {tag: lab.read(tag) for tag in ("fedsgd_weight", "fedsgd_diff")}
            lab.take_picture("7-reopened")
            lab.write("client_number_observations", read_answer("client_number_observations"))
            lab.save()
            self._said["watch, after A2.1"] = read_until(watch, "A2.1  ")
            self.record.dialogs += lab.list_dialogs()

    def hand_in(self, folder: Path) -> None:
        """folder: empty; for the results of the grading"""
        # 8. The hand-in, and what becomes of it.
        self._said["pack"] = self._student.type("grader pack")
        results = folder / "results.json"
        handed_in = self._student.notebooks / "homework_1.zip"
        command = [sys.executable, "-m", "grader", "grade", str(handed_in), f"--json={results}"]
        graded = subprocess.run(
            [*command, "--exercise=A1.1,A1.2"], cwd=KIT, capture_output=True, text=True, check=False
        )
        assert results.exists(), graded.stderr
        self.record.grade = json.loads(results.read_text())
