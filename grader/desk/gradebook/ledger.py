"""Opens a gradebook and writes into it.

SQLite keeps it in one file. Its journal is the ordinary one, never the write-ahead log, which does not work on network file systems. Any other
database that SQLAlchemy knows serves several graders at once; the files of hand-ins and runs lie in the folder of results all the same.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy.exc import DBAPIError, OperationalError

from ...intake import show
from ..cohort import Cohort, Member, Party, Problem, Upload
from ..configuration import ConfigurationError, read_configuration
from ..outcome import RunOutcome
from . import schema
from .backups import back_up, find_newest
from .vault import Vault

FILE = "gradebook.sqlite"
_BACKUPS = "backups"
_WAIT_S = 30.0  # for another process that is writing
_VERSION_FACT = "schema_version"
PROBLEM = "problem"
"""The kind of the flags about what could not be read of what a party handed in."""

MIGRATIONS: dict[int, Callable[[sql.Connection], None]] = {}
"""What brings a gradebook of this version to the next one."""


class GradebookError(ValueError):
    """A gradebook can't be used; the message says why, and what to do."""


@dataclass
class Gradebook:
    """An open gradebook; `with` closes it.

    folder: the folder of results
    """

    folder: Path
    engine: sql.Engine
    vault: Vault = field(init=False)

    def __post_init__(self) -> None:
        self.vault = Vault(self.folder)

    def __enter__(self) -> Gradebook:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def read(self) -> Iterator[sql.Connection]:
        """A connection that sees one state of the gradebook. Raises GradebookError if the database can't be read."""
        try:
            with self.engine.connect() as connection, connection.begin():
                yield connection
        except OperationalError as error:
            raise GradebookError(f"{self.place} can't be used: {error.orig}.") from error

    @contextmanager
    def write(self) -> Iterator[sql.Connection]:
        """A transaction: all of it, or nothing. Raises GradebookError if the database can't be written."""
        try:
            with self.engine.connect() as connection:
                connection = connection.execution_options(immediate=True)
                with connection.begin():
                    yield connection
        except OperationalError as error:
            raise GradebookError(
                f"{self.place} can't be written: {error.orig}. What was graded before is kept; "
                "when it can be written, give the same command again."
            ) from error

    @property
    def place(self) -> str:
        """Where the gradebook is, safe to show: a database's password is left out."""
        return self.engine.url.database or "" if self.is_file else self.engine.url.render_as_string()

    @property
    def is_file(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    def back_up(self) -> Path | None:
        """Copy the gradebook, if it is a file with anyone in it; any other database has means of its own. Raises GradebookError or OSError."""
        with self.read() as connection:
            is_empty = connection.scalar(sql.select(schema.party.c.id).limit(1)) is None
        if is_empty or not self.is_file:
            return None
        try:
            return back_up(Path(self.place), self.folder / _BACKUPS)
        except sqlite3.Error as error:
            raise GradebookError(
                f"{self.place} can't be copied: {error}. Make room, and give the same command again."
            ) from error

    # --- facts ----------------------------------------------------------------------------------------------------------------------------

    def read_fact(self, name: str) -> str | None:
        with self.read() as connection:
            return connection.scalar(sql.select(schema.fact.c.value).where(schema.fact.c.name == name))

    def note_fact(self, name: str, value: str) -> None:
        with self.write() as connection:
            _put(connection, schema.fact, {"name": name}, {"value": value})

    # --- who handed in what ---------------------------------------------------------------------------------------------------------------

    def enrol(self, cohort: Cohort) -> list[str]:
        """Note all parties, and what they handed in: a hand-in with other bytes than the party's last one is a new one, unless the platform
        tells that it is the older one. Returns a sentence for each party that had handed in something else before.

        Nobody is removed: a party that is absent from `cohort` keeps what it has. Raises GradebookError or OSError.
        """
        told = []
        digests = [self.vault.keep(upload.pack) for upload in cohort.uploads]
        with self.write() as connection:
            parties = {each.key: _enrol(connection, cohort.platform, each) for each in cohort.parties}
            for upload, digest in zip(cohort.uploads, digests, strict=True):
                if change := _hand_in(connection, parties[upload.party], upload, digest):
                    told.append(f"{cohort.name(upload.party)}: {change}")
            for key, party_id in parties.items():
                problems = [_describe(each) for each in cohort.problems if each.party == key and each.place]
                _update_problems(connection, party_id, problems)
        return told

    # --- what came of it ------------------------------------------------------------------------------------------------------------------

    def add_run(self, handin_id: int, outcome: RunOutcome) -> int:
        """Keep a run with all its results, or nothing of it; returns its number. Raises GradebookError or OSError."""
        with self.read() as connection:
            digest = connection.scalar(
                sql.select(schema.handin.c.hash).where(schema.handin.c.id == handin_id)
            )
        folder = self.vault.keep_run(str(digest), outcome.files)
        facts = outcome.results.get("extra_data", {})
        with self.write() as connection:
            run_id = _insert(
                connection,
                schema.run,
                handin_id=handin_id,
                status=outcome.status,
                reason=outcome.reason,
                exercises=None if outcome.exercises is None else list(outcome.exercises),
                suite=outcome.suite,
                grading_seed=outcome.grading_seed,
                folder=folder,
                host=outcome.host,
                started_at=outcome.started_at,
                ended_at=outcome.ended_at,
                seconds=outcome.seconds,
                facts={name: value for name, value in facts.items() if name not in schema.LARGE},
            )
            rows = [_to_row(run_id, test) for test in outcome.results.get("tests", ())]
            if rows:
                connection.execute(sql.insert(schema.result), rows)
        self.vault.confirm_run(folder)
        return run_id

    def remove_leftovers(self) -> None:
        """Remove what a batch that was killed was writing just then. Raises OSError."""
        with self.read() as connection:
            known = set(connection.scalars(sql.select(schema.run.c.folder)))
        self.vault.remove_leftovers(known)

    # --- what people decide ---------------------------------------------------------------------------------------------------------------

    def add_mark(
        self,
        party_id: int,
        exercise: str,
        item: str,
        points: float | None,
        *,
        comment: str = "",
        author: str = "",
        handin_id: int | None = None,
    ) -> int:
        """Note a person's decision; the last one on the same item counts.

        item: the name of what is graded by hand, or empty for all that the checks of the exercise give; points: None takes the last mark back
        """
        with self.write() as connection:
            return _insert(
                connection,
                schema.mark,
                party_id=party_id,
                handin_id=handin_id,
                exercise=exercise,
                item=item,
                points=points,
                comment=comment,
                author=author,
            )

    def raise_flag(
        self, party_id: int, kind: str, text: str, handin_id: int | None = None, run_id: int | None = None
    ) -> None:
        """Note what a person should look at, once."""
        with self.write() as connection:
            _raise_flag(
                connection, party_id=party_id, kind=kind, text=text, handin_id=handin_id, run_id=run_id
            )

    def settle_flag(self, flag_id: int) -> None:
        """A person has looked at it."""
        with self.write() as connection:
            connection.execute(
                sql.update(schema.flag).where(schema.flag.c.id == flag_id).values(settled_at=schema.now())
            )

    def add_export(self, platform: str, path: Path, scores: Mapping[str, float | None]) -> None:
        """Note what was given to a platform; `scores` by the party's key, None for one that was left blank."""
        with self.write() as connection:
            _insert(connection, schema.export, platform=platform, path=str(path), scores=dict(scores))


# --- opening ------------------------------------------------------------------------------------------------------------------------------


def open_gradebook(folder: Path, *, create: bool = False) -> Gradebook:
    """The gradebook in a folder of results, brought to this version of the tables after a backup copy.

    `gradebook` in grader.toml names a database elsewhere. create: make one if there is none
    Raises GradebookError if there is none, it is damaged, newer than this kit, or can't be read or written.
    """
    path, url = folder / FILE, _read_url(folder)
    if not url and not path.is_file():
        if not create:
            raise GradebookError(
                f"{folder} has no {FILE}; name the folder that `grader batch --out` has written."
            )
        if newest := find_newest(folder / _BACKUPS):
            raise GradebookError(
                f"{path} is gone, but {newest} is a copy of it. Copy it back, and give the same command again."
            )
    try:
        if create:
            folder.mkdir(parents=True, exist_ok=True)
        book = Gradebook(folder, _make_engine(url or f"sqlite:///{path.absolute()}"))
        _prepare(book)
    except OSError as error:
        raise GradebookError(f"{folder} can't be written: {error.strerror or error}.") from error
    except (sql.exc.ArgumentError, ImportError) as error:  # the text may have the password in it
        raise GradebookError(
            f"`gradebook` in grader.toml is not the URL of a database that can be used here: {type(error).__name__}. "
            "Write, for example, postgresql+psycopg://grader@host/gradebook, and install psycopg."
        ) from error
    except (DBAPIError, sqlite3.Error) as error:
        raise _explain(path if not url else None, error) from error
    return book


def _read_url(folder: Path) -> str:
    try:
        return read_configuration(folder).gradebook
    except ConfigurationError as error:
        raise GradebookError(str(error)) from error


def _explain(path: Path | None, error: Exception) -> GradebookError:
    reason = getattr(error, "orig", error)
    if path is None:
        return GradebookError(f"The database of the gradebook can't be used: {reason}.")
    if isinstance(
        reason, sqlite3.OperationalError
    ):  # locked, read-only, a full disk: the file itself is whole
        return GradebookError(f"{path} can't be used: {reason}.")
    return _report_damage(path, str(reason))


def _report_damage(path: Path, seen: str) -> GradebookError:
    newest = find_newest(path.parent / _BACKUPS)
    advice = (
        f"The newest copy is {newest}: copy it to {path}, and give the same command again; what was graded since then is graded again."
        if newest
        else "There is no copy of it: move it away, and grade again."
    )
    return GradebookError(f"{path} is damaged ({seen}). {advice}")


def _make_engine(url: str) -> sql.Engine:
    engine = sql.create_engine(
        url, hide_parameters=True
    )  # an error's text must not hold what a student wrote
    if engine.dialect.name == "sqlite":
        sql.event.listen(engine, "connect", _set_up)
        sql.event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = (
        None  # SQLAlchemy begins transactions, not the driver, which would leave out what makes tables
    )
    connection.execute(f"PRAGMA busy_timeout = {_WAIT_S * 1000:.0f}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")


def _begin(connection: sql.Connection) -> None:
    """Who will write takes the lock at once: two that read first and then want to write would both fail."""
    is_writing = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


def _prepare(book: Gradebook) -> None:
    """Make the tables, or bring them to this version."""
    path = Path(book.place)
    if book.is_file:
        with book.read() as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if found != "ok":
            raise _report_damage(path, str(found))
    version = _read_version(book)
    if version > schema.VERSION:
        raise GradebookError(
            f"{book.place} was written by a newer kit (version {version} of its tables; this kit knows {schema.VERSION}). Update the kit."
        )
    if version == schema.VERSION:
        return
    if version:
        book.back_up()
    with book.write() as connection:
        if not version:
            schema.tables.create_all(connection)
        for step in range(version or schema.VERSION, schema.VERSION):
            MIGRATIONS[step](connection)
        _put(connection, schema.fact, {"name": _VERSION_FACT}, {"value": str(schema.VERSION)})
        if book.is_file:
            connection.exec_driver_sql(f"PRAGMA user_version = {schema.VERSION}")


def _read_version(book: Gradebook) -> int:
    """0 if there are no tables yet."""
    with book.read() as connection:
        if book.is_file:
            return int(connection.exec_driver_sql("PRAGMA user_version").scalar() or 0)
        if not sql.inspect(connection).has_table(schema.fact.name):
            return 0
        query = sql.select(schema.fact.c.value).where(schema.fact.c.name == _VERSION_FACT)
        return int(connection.scalar(query) or 0)


# --- rows ---------------------------------------------------------------------------------------------------------------------------------


def _insert(connection: sql.Connection, table: sql.Table, **values: Any) -> int:
    key = connection.execute(sql.insert(table).values(**values)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _put(
    connection: sql.Connection, table: sql.Table, key: Mapping[str, Any], values: Mapping[str, Any]
) -> None:
    """Change the row with this key, or make it."""
    where = [table.c[name] == value for name, value in key.items()]
    if not connection.execute(sql.update(table).where(*where).values(**values)).rowcount:
        connection.execute(sql.insert(table).values(**key, **values))


def _enrol(connection: sql.Connection, platform: str, party: Party) -> int:
    party_id = _put_known(
        connection, schema.party, platform, party.key, label=party.label, is_team=party.is_team
    )
    students = [_enrol_student(connection, platform, each) for each in party.members]
    connection.execute(sql.delete(schema.member).where(schema.member.c.party_id == party_id))
    if students:
        rows = [{"party_id": party_id, "student_id": each} for each in dict.fromkeys(students)]
        connection.execute(sql.insert(schema.member), rows)
    return party_id


def _enrol_student(connection: sql.Connection, platform: str, member: Member) -> int:
    return _put_known(
        connection,
        schema.student,
        platform,
        member.key,
        name=member.name,
        login=member.login,
        email=member.email,
    )


def _put_known(connection: sql.Connection, table: sql.Table, platform: str, key: str, **values: Any) -> int:
    _put(connection, table, {"platform": platform, "key": key}, values)
    query = sql.select(table.c.id).where(table.c.platform == platform, table.c.key == key)
    return int(connection.execute(query).scalar_one())


def _hand_in(connection: sql.Connection, party_id: int, upload: Upload, digest: str) -> str:
    """Note a hand-in; returns what became of the one before, empty if there was none or it is the same."""
    table = schema.handin
    values = {
        "origin": upload.origin,
        "files": [name for name, _ in upload.files],
        "notes": list(upload.notes),
        "handed_in_at": upload.handed_in_at,
        "is_late": upload.is_late,
    }
    query = (
        sql.select(table.c.id, table.c.hash, table.c.handed_in_at)
        .where(table.c.party_id == party_id)
        .order_by(table.c.id)
    )
    known: Sequence[Any] = connection.execute(query).all()
    if known and known[-1].hash == digest:
        connection.execute(sql.update(table).where(table.c.id == known[-1].id).values(**values))
        return ""
    times = known[-1].handed_in_at if known else None, upload.handed_in_at
    if times[0] is not None and times[1] is not None and times[1] < times[0]:
        return "the hand-in in the gradebook is newer than this one, and counts."
    _insert(connection, table, party_id=party_id, hash=digest, **values)
    if digest in {row.hash for row in known}:
        return "this is what they had handed in before the last one, and it counts from now on. Was an older download given?"
    return "there is another hand-in, which counts from now on." if known else ""


def _to_row(run_id: int, test: Mapping[str, Any]) -> dict[str, Any]:
    facts = dict(test.get("extra_data", {}))
    return {
        "run_id": run_id,
        "exercise": str(test.get("number", "")),
        "check_id": str(facts.get("check", "")),
        "name": str(test.get("name", "")),
        "outcome": str(facts.get("outcome", test.get("status", ""))),
        "score": float(test.get("score", 0)),
        "max_score": float(test.get("max_score", 0)),
        "output": str(test.get("output", "")),
        "facts": facts,
    }


def _raise_flag(connection: sql.Connection, **values: Any) -> None:
    table = schema.flag
    same = [table.c[name] == values[name] for name in ("party_id", "kind", "text")]
    if connection.scalar(sql.select(table.c.id).where(*same).limit(1)) is None:
        _insert(connection, table, **values)


def _describe(problem: Problem) -> str:
    is_placed = problem.sentence.startswith(show(problem.place))
    return problem.sentence if is_placed else f"{problem.place}: {problem.sentence}"


def _update_problems(connection: sql.Connection, party_id: int, told: Sequence[str]) -> None:
    """Flag the problems of what a party handed in, and settle those that are gone, as after another hand-in."""
    table = schema.flag
    for text in told:
        _raise_flag(connection, party_id=party_id, kind=PROBLEM, text=text)
    gone = [
        table.c.party_id == party_id,
        table.c.kind == PROBLEM,
        table.c.settled_at.is_(None),
        table.c.text.not_in(told),
    ]
    connection.execute(sql.update(table).where(*gone).values(settled_at=schema.now()))
