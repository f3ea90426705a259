"""What platforms hand out, as names and bytes: written after shared/PLATFORMS.md, with invented people."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from grader.desk.cohort import Cohort

NOTEBOOK = (
    b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": '
    b'[{"cell_type": "code", "metadata": {"tags": ["fedsgd_weight"]}, "source": "x = 1", "outputs": [], "execution_count": null}]}'
)
Files = Mapping[str, bytes]
Reading = Callable[..., Cohort]  # what the fixture `read_cohort` is


def write_zip(path: Path, files: Files) -> Path:
    """A name that ends in a slash is an empty folder."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def write_folder(folder: Path, files: Files) -> Path:
    for name, content in files.items():
        path = folder / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_bytes(content)
    return folder


def make_xlsx(rows: Sequence[Sequence[Any]]) -> bytes:
    import pytest

    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def ilias() -> dict[str, bytes]:
    at = datetime(2026, 11, 20, 21, 58)
    rows = [
        ["Nachname", "Vorname", "Benutzername", "Letzte Abgabe", "Datei 1", "Datei 2"],
        ["Muster", "Anna", "amuster", at, "homework_1.ipynb", "part_b.zip"],
        ["Müller-Lüdenscheidt", "Dörte", "dmueller", at, "homework_1 (2).ipynb"],
        ["Muster", "Anna", "anna_m", at, "homework_1.ipynb"],
        ["de la_Cruz", "José", "j_cruz_7", "20.11.2026 22:10", "homework_1.ipynb"],
        ["Weiß", "Kim", "kweiss", None],
        ["Leer", "Lars", "lleer", None],
    ]
    place = "Homework 1/Abgaben"
    return {
        "Homework 1/Homework 1.xlsx": make_xlsx(rows),
        f"{place}/Muster_Anna_amuster_10231/homework_1.ipynb": NOTEBOOK,
        f"{place}/Muster_Anna_amuster_10231/part_b.zip": b"PK",
        f"{place}/Mueller-Luedenscheidt_Doerte_dmueller_10234/homework_1.ipynb": b"first",
        f"{place}/Mueller-Luedenscheidt_Doerte_dmueller_10234/Verspaetete Abgabe - homework_1 (2).ipynb": NOTEBOOK,
        f"{place}/Muster_Anna_anna_m_10240/homework_1.ipynb": NOTEBOOK,
        f"{place}/de la_Cruz_Jose_j_cruz_7_10241/homework_1.ipynb": NOTEBOOK,
        f"{place}/Leer_Lars_lleer_10250/": b"",
    }


def ilias_teams() -> dict[str, bytes]:
    at = datetime(2026, 11, 20, 21, 58)
    rows = [
        ["Nachname", "Vorname", "Benutzername", "Letzte Abgabe", "Team", "Datei 1"],
        ["Rossi", "Eva", "erossi", at, 17, "homework_1.ipynb"],
        ["Weiß", "Kim", "kweiss", at, 17, "homework_1.ipynb"],
        ["Berg", "Ida", "iberg", at, 21, "homework_1.ipynb"],
    ]
    return {
        "Homework 1/Homework 1.xlsx": make_xlsx(rows),
        "Homework 1/Submissions/Team 17/Rossi_Eva_erossi_10236/homework_1.ipynb": NOTEBOOK,
        "Homework 1/Submissions/Team 21/Berg_Ida_iberg_10239/homework_1.ipynb": NOTEBOOK,
    }


MOODLE = {
    "Anna Muster_7770000_assignsubmission_file/homework_1.ipynb": NOTEBOOK,
    "Anna Muster_7770000_assignsubmission_onlinetext/onlinetext.html": b"<p>hello</p>",
    "Anna Muster_7770003_assignsubmission_file_/homework_1.ipynb": NOTEBOOK,
    "Participant_7770001_assignsubmission_file/sub/part_b.zip": b"PK",
    "Jörg O'Neil_7770002_assignsubmission_file_home_work_1.ipynb": NOTEBOOK,
    "Bo Text_7770004_assignsubmission_onlinetext/onlinetext.html": b"<p>only text</p>",
}
MOODLE_TEAMS = {
    "Group A_93_assignsubmission_file/homework_1.ipynb": NOTEBOOK,
    "Group_B_94_assignsubmission_file/homework_1.ipynb": NOTEBOOK,
    "Default group_assignsubmission_file/homework_1.ipynb": NOTEBOOK,
}
CANVAS = {
    "musteranna_10231_880000_homework_1.ipynb": NOTEBOOK,
    "musteranna_10231_880001_part_b.zip": b"PK",
    "musteranna_10235_880002_homework_1.ipynb": NOTEBOOK,
    "zimmergina_LATE_10238_880007_homework_1.ipynb": NOTEBOOK,
    "zimmergina_10239_880010_homework_1.ipynb": b"first",
    "zimmergina_10239_880011_homework_1.ipynb": NOTEBOOK,
    "anon_Ab3dE_880009_homework_1.ipynb": NOTEBOOK,
    "anon_LATE_Xy9zZ_880012_12_34_homework.ipynb": NOTEBOOK,
    "textbo_10242_text.html": b"<p>typed</p>",
    "anon_Zz1_text.html": b"<p>typed</p>",
}
GRADESCOPE_METADATA = """---
submission_123:
  :submitters:
  - :name: Anna Muster
    :sid: '3141592'
    :email: anna@example.org
  :created_at: 2026-11-20 20:58:00.123456000 Z
  :score: 0.0
  :status: processed
  :results: {}
  :history:
  - :id: 122
submission_124:
  :submitters:
  - :name: Eva Rossi
    :email: eva@example.org
  - :name: Kim Weiß
    :sid: '2718281'
  :created_at: !ruby/object:ActiveSupport::TimeWithZone
    utc: 2026-11-20 20:58:00.000000000 Z
  :score: 0.0
submission_127:
  :submitters:
  - :name: No Ids
  :created_at: 2026-11-20 20:58:00 Z
submission_125:
  :submitters:
  - :name: Anna Muster
    :email: other-anna@example.org
  :created_at: 2026-11-21 09:00:00 Z
"""
GRADESCOPE = {
    "assignment_9100_export/submission_metadata.yml": GRADESCOPE_METADATA.encode(),
    "assignment_9100_export/submission_123/homework_1.ipynb": NOTEBOOK,
    "assignment_9100_export/submission_124/sub/homework_1.ipynb": NOTEBOOK,
    "assignment_9100_export/submission_126/homework_1.ipynb": NOTEBOOK,
}
GITHUB_TABLE = """assignment_name,assignment_url,starter_code_url,github_username,roster_identifier,student_repository_name,\
student_repository_url,submission_timestamp,points_awarded,points_available,group_name
DDL 1,u,s,amuster,Anna Müster,ddl-1-amuster,r,2026-11-20 20:58:00 UTC,0,12,
DDL 1,u,s,erossi,Eva Rossi,ddl-1-the-team,r,2026-11-20 20:58:00 UTC,0,12,the-team
DDL 1,u,s,kweiss,Kim Weiß,ddl-1-the-team,r,2026-11-20 20:58:00 UTC,0,12,the-team
DDL 1,u,s,lleer,Lars Leer,ddl-1-lleer,r,,0,12,
"""
GITHUB = {
    "ddl-1-submissions/ddl-1-amuster/homework_1.ipynb": NOTEBOOK,
    "ddl-1-submissions/ddl-1-amuster/.git/HEAD": b"ref",
    "ddl-1-submissions/ddl-1-the-team/src/b1.py": b"x = 1",
}
FOLDER = {
    "hand-ins/Anna Müster/homework_1.ipynb": NOTEBOOK,
    "hand-ins/Anna Müster/part_b/b1.py": b"x = 1",
    "hand-ins/amuster2.zip": b"PK",
    "hand-ins/bo.ipynb": NOTEBOOK,
    "hand-ins/notes.txt": b"mine",
    "hand-ins/roster.csv": b"key,name,email\nbo,Bo Adler,bo@example.org\nnobody,Nobody,\n",
}
