"""Archives: honest ones are unpacked, hostile ones refused with a sentence and without a trace."""

from __future__ import annotations

import contextlib
import gzip
import io
import lzma
import random
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from packing import PACKERS, Handing, notebook, seven_zip_bytes, tar_bytes, tar_member, zip_bytes, zip_member

from grader.intake import IntakeError, IntakeLimits
from grader.intake.archives import find_reader
from grader.intake.sink import Sink

SMALL = IntakeLimits(members=20, unpacked_bytes=1 << 20)
LeftBehind = Callable[[], list[Path]]
FILES = {"Übung 1/homework_1.ipynb": notebook(a="1"), "Übung 1/b1.py": b"print(1)", "Übung 1/empty.txt": b""}


def change_headers(archive: bytes, places: tuple[int, int], kind: str, change: Callable[[int], int]) -> bytes:
    """Change a field of each member's header in a zip archive, and of its entry in the directory."""
    changed = bytearray(archive)
    for signature, place in zip((b"PK\x03\x04", b"PK\x01\x02"), places, strict=True):
        for found in re.finditer(signature, archive):
            at = found.start() + place
            struct.pack_into(kind, changed, at, change(*struct.unpack_from(kind, changed, at)))
    return bytes(changed)


def change_flags(archive: bytes, change: Callable[[int], int]) -> bytes:
    return change_headers(archive, (6, 8), "<H", change)


@pytest.mark.parametrize("kind", PACKERS)
def test_archive_is_unpacked(kind: str, hand_in: Handing) -> None:
    submission = hand_in(PACKERS[kind](FILES), f"homework.{kind}")
    unpacked = {
        path.relative_to(submission.folder).as_posix(): path.read_bytes()
        for path in submission.folder.rglob("*")
        if path.is_file()
    }
    assert unpacked == FILES


def test_kind_is_told_by_content_and_not_by_name(hand_in: Handing) -> None:
    assert hand_in(PACKERS["tar.xz"](FILES), "homework.zip").notebook is not None


def test_names_without_a_stated_encoding_are_read_as_utf_8(hand_in: Handing) -> None:
    """Old tools leave off the flag by which a zip archive says that its names are UTF-8."""
    submission = hand_in(change_flags(zip_bytes({"Übung.ipynb": notebook()}), lambda flags: flags & ~0x800))
    assert submission.require_notebook().name == "Übung.ipynb"


def test_names_in_an_old_encoding_are_read(hand_in: Handing) -> None:
    archive = tar_bytes({"?bung.ipynb": notebook()}).replace(b"?bung", b"\xdcbung")
    header = bytearray(archive[:512])
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    submission = hand_in(bytes(header) + archive[512:], "homework.tar")
    assert submission.require_notebook().name == "Übung.ipynb"


def test_backslashes_part_folders(hand_in: Handing) -> None:
    submission = hand_in(zip_member("part a\\homework.ipynb", content=notebook()))
    assert submission.require_notebook().relative_to(submission.folder).as_posix() == "part a/homework.ipynb"


CLIMBING = ["../key.py", "a/../../key.py", "/etc/cron.d/x", "..\\key.py", "C:\\key.py", "\\\\server\\key.py"]


@pytest.mark.parametrize("name", CLIMBING)
@pytest.mark.parametrize("pack", [zip_member, tar_member], ids=["zip", "tar"])
def test_name_that_leads_out_is_refused(
    pack: Callable[[str], bytes], name: str, hand_in: Handing, left_behind: LeftBehind, tmp_path: Path
) -> None:
    with pytest.raises(IntakeError, match=r"leads out|absolute"):
        hand_in(pack(name), "homework.archive")
    assert left_behind() == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["homework.archive", "work"]


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (tarfile.SYMTYPE, "a link"),
        (tarfile.LNKTYPE, "a link"),
        (tarfile.FIFOTYPE, "not a regular file"),
        (tarfile.CHRTYPE, "not a regular file"),
        (tarfile.BLKTYPE, "not a regular file"),
    ],
    ids=["symbolic link", "hard link", "FIFO", "character device", "block device"],
)
def test_what_is_no_file_is_left_out_of_a_tar(kind: bytes, what: str, hand_in: Handing) -> None:
    submission = hand_in(tar_member("odd", kind, "/etc/passwd"), "homework.tar")
    assert submission.notes == (f"odd was left out: it is {what}.",)
    assert [path.name for path in submission.folder.iterdir()] == ["honest.ipynb"]


def test_link_is_left_out_of_a_zip(hand_in: Handing) -> None:
    with pytest.raises(IntakeError, match="no notebook"):
        hand_in(zip_member("homework.ipynb", mode=stat.S_IFLNK | 0o777, content=b"/etc/passwd"))


def test_file_below_a_link_lands_in_a_plain_folder(hand_in: Handing, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        link = tarfile.TarInfo("inner")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        archive.addfile(link)
        member = tarfile.TarInfo("inner/homework.ipynb")
        member.size = len(notebook())
        archive.addfile(member, io.BytesIO(notebook()))
    submission = hand_in(buffer.getvalue(), "homework.tar")
    assert submission.require_notebook().resolve().is_relative_to(submission.folder.resolve())
    assert not (tmp_path / "homework.ipynb").exists()


@pytest.mark.parametrize("kind", PACKERS)
def test_bytes_are_counted_as_unpacked(kind: str, hand_in: Handing, left_behind: LeftBehind) -> None:
    with pytest.raises(IntakeError, match="larger than 1 MiB"):
        hand_in(PACKERS[kind]({"bomb.ipynb": bytes(3 << 20)}), limits=SMALL)
    assert left_behind() == []


@pytest.mark.parametrize("kind", PACKERS)
def test_members_are_counted(kind: str, hand_in: Handing, left_behind: LeftBehind) -> None:
    with pytest.raises(IntakeError, match="more than 20 files"):
        hand_in(PACKERS[kind]({f"{number}.py": b"1" for number in range(30)}), limits=SMALL)
    assert left_behind() == []


def test_list_of_members_is_bounded_before_it_is_read(hand_in: Handing) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(40):
            archive.writestr("x" * 1000 + f"{number}", b"")
    with pytest.raises(IntakeError, match="more than 20 files"):
        hand_in(buffer.getvalue(), limits=SMALL)


def test_size_that_a_header_claims_is_not_believed(hand_in: Handing) -> None:
    archive = zip_bytes({"homework.ipynb": bytes(3 << 20)})
    with pytest.raises(IntakeError):
        hand_in(change_headers(archive, (22, 24), "<I", lambda _: 10), limits=SMALL)


def test_hole_in_a_sparse_file_counts(hand_in: Handing) -> None:
    header = tarfile.TarInfo("homework.ipynb")
    header.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.name": "homework.ipynb",
    }
    header.pax_headers |= {"GNU.sparse.size": str(1 << 40), "GNU.sparse.map": "0,0"}
    archive = header.tobuf(tarfile.PAX_FORMAT) + bytes(1024)
    with pytest.raises(IntakeError, match="larger than 1 MiB"):
        hand_in(archive, "homework.tar", limits=SMALL)


def test_header_of_a_tar_is_bounded(hand_in: Handing) -> None:
    header = tarfile.TarInfo("homework.ipynb")
    header.pax_headers = {"comment": "x" * (3 << 20)}
    with pytest.raises(IntakeError, match="header is far too long"):
        hand_in(gzip.compress(header.tobuf(tarfile.PAX_FORMAT)), "homework.tar.gz")


def test_memory_of_unpacking_is_bounded(hand_in: Handing) -> None:
    packed = bytearray(lzma.compress(tar_bytes({"homework.ipynb": notebook()})))
    size = (packed[12] + 1) * 4  # of the block's header, which names the size of the dictionary
    packed[16] = 37  # 1.5 GiB
    struct.pack_into("<I", packed, 12 + size - 4, zlib.crc32(packed[12 : 12 + size - 4]))
    with pytest.raises(IntakeError, match="Memory usage limit"):
        hand_in(bytes(packed), "homework.tar.xz")


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("keep", [0.3, 0.7, 0.97])
def test_archive_that_was_cut_off_is_refused(
    kind: str, keep: float, hand_in: Handing, left_behind: LeftBehind
) -> None:
    noise = random.Random(0).randbytes(20_000)
    whole = PACKERS[kind]({"homework.ipynb": notebook(), "noise.bin": noise})
    if kind == "tar":
        whole = whole.rstrip(b"\0")  # what comes after is padding, whose loss harms nothing
    with pytest.raises(IntakeError, match="damaged or was cut off"):
        hand_in(whole[: int(len(whole) * keep)])
    assert left_behind() == []


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz", "7z"])
def test_damaged_archive_is_refused(kind: str, hand_in: Handing) -> None:
    noise = random.Random(0).randbytes(20_000)
    damaged = bytearray(PACKERS[kind]({"noise.bin": noise, "homework.ipynb": notebook()}))
    damaged[5_000:5_100] = bytes(100)
    with pytest.raises(IntakeError, match="damaged or was cut off"):
        hand_in(bytes(damaged))


@pytest.mark.parametrize(
    "archive",
    [
        pytest.param(lambda: change_flags(zip_bytes(FILES), lambda flags: flags | 1), id="zip"),
        pytest.param(lambda: seven_zip_bytes(FILES, password="secret"), id="7z"),
        pytest.param(
            lambda: seven_zip_bytes(FILES, password="secret", header_encryption=True), id="7z names"
        ),
    ],
)
def test_password_is_told(archive: Callable[[], bytes], hand_in: Handing) -> None:
    with pytest.raises(IntakeError, match="protected by a password"):
        hand_in(archive())


def test_unknown_compression_is_told(hand_in: Handing) -> None:
    with pytest.raises(IntakeError, match="compression that cannot be read"):
        hand_in(change_headers(zip_bytes(FILES), (8, 10), "<H", lambda _: 9))


def test_archive_three_levels_down_is_left_alone(hand_in: Handing) -> None:
    archive = zip_bytes({"homework.ipynb": notebook()})
    for name in ("third.zip", "second.zip", "first.zip"):
        archive = zip_bytes({name: archive})
    with pytest.raises(IntakeError, match=r"another archive: first\.zip/second\.zip/third\.zip"):
        hand_in(archive)


def test_one_compressed_file_is_no_archive(hand_in: Handing) -> None:
    with pytest.raises(IntakeError, match="single compressed file, not an archive"):
        hand_in(gzip.compress(notebook()), "homework.ipynb.gz")


def test_archive_that_is_too_large_is_not_read(hand_in: Handing) -> None:
    with pytest.raises(IntakeError, match="larger than 0 MiB"):
        hand_in(zip_bytes(FILES), limits=IntakeLimits(archive_bytes=10))


def test_unpacking_ends_at_its_deadline(hand_in: Handing, left_behind: LeftBehind) -> None:
    with pytest.raises(IntakeError, match="takes longer than"):
        hand_in(zip_bytes(FILES), limits=IntakeLimits(time_s=0))
    assert left_behind() == []


CLASHES = [
    pytest.param(["Homework.ipynb", "homework.ipynb"], id="capitals"),
    pytest.param(["\u00dcbung.ipynb", "U\u0308bung.ipynb"], id="Unicode form"),
    pytest.param(["A/x.ipynb", "a/y.ipynb"], id="capitals of folders"),
    pytest.param(["\ufb01nal.ipynb", "final.ipynb"], id="ligature"),
    pytest.param(["a?.ipynb", "a_.ipynb"], id="character that some systems refuse"),
]


@pytest.mark.parametrize("names", CLASHES)
@pytest.mark.parametrize("pack", [zip_bytes, tar_bytes, seven_zip_bytes], ids=["zip", "tar", "7z"])
def test_names_that_clash_on_some_system_are_refused(
    pack: Callable[[dict[str, bytes]], bytes], names: list[str], hand_in: Handing
) -> None:
    with pytest.raises(IntakeError, match="the same name"):
        hand_in(pack({name: notebook() for name in names}))


@pytest.mark.parametrize("names", [["x.ipynb", "x.ipynb"], ["x.ipynb", "x.ipynb/y"], ["x/y", "x"]])
def test_name_that_is_there_twice_is_refused(names: list[str], hand_in: Handing) -> None:
    with pytest.raises(IntakeError, match="in it twice"):
        hand_in(
            b"".join(tar_bytes({name: notebook()})[:1024] for name in names) + bytes(1024), "homework.tar"
        )


@pytest.mark.parametrize(
    "name", ["x" * 300 + ".ipynb", "/".join("a" * 30) + "/x.ipynb"], ids=["long", "deep"]
)
def test_name_that_no_system_takes_is_refused(name: str, hand_in: Handing) -> None:
    with pytest.raises(IntakeError, match="too long or too deeply nested"):
        hand_in(tar_bytes({name: notebook()}), "homework.tar")


@pytest.mark.parametrize("kind", PACKERS)
def test_changed_bytes_never_crash_the_reader(kind: str, tmp_path: Path) -> None:
    choose = random.Random(kind)
    whole = PACKERS[kind](FILES)
    path = tmp_path / "archive"
    for attempt in range(60):
        changed = bytearray(whole)
        for _ in range(choose.choice([1, 3, 20])):
            changed[choose.randrange(len(changed))] = choose.randrange(256)
        path.write_bytes(changed)
        folder = tmp_path / str(attempt)
        folder.mkdir()
        if reader := find_reader(path):
            with contextlib.suppress(IntakeError):  # anything else would be a crash
                reader(path, Sink(folder, SMALL, ()), SMALL)
