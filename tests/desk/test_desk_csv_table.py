"""Tables are written back as they were read, but for the cells that were filled in."""

from __future__ import annotations

import pytest

from grader.desk.csv_table import CsvError, make_table, parse_csv

TABLES = {
    "plain": b"a,b\n1,2\n",
    "no end of line": b"a,b\n1,2",
    "windows": b"a;b\r\n1;2\r\n",
    "quotation marks": b'"a","b"\n"x ""y"" z",2\n"two\nlines",\n',
    "empty lines": b"a,b\n\n1,2\n\n",
    "mark": b"\xef\xbb\xbfa,b\n\xc3\xbc,2\n",
    "utf-16": "\ufeffa\tb\r\nü\t2\r\n".encode("utf-16-le"),
    "old windows": "a;b\nMüller;2\n".encode("cp1252"),
    "no encoding": b"a,b\n\x81,2\n",
    "short and long rows": b"a,b,c\n1\n1,2,3,4\n",
}


@pytest.mark.parametrize("content", TABLES.values(), ids=TABLES)
def test_an_unchanged_table_is_the_same_bytes(content: bytes) -> None:
    assert parse_csv(content).encode() == content


def test_a_cell_is_filled_in_as_the_others_are_written() -> None:
    table = parse_csv(b'a,b\n"1",2\n').fill({(0, 0): "x", (0, 1): "1,5"})

    assert table.encode() == b'a,b\n"x","1,5"\n'
    assert table.rows == [("x", "1,5")]


def test_a_table_of_our_own_is_read_back() -> None:
    rows = [("a", "b"), ('x "y"', "1,5"), (" z ", "two\nlines")]

    assert parse_csv(make_table(rows).encode()).rows == rows[1:]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"PK\x03\x04\0\0", "not a text"),
        (b'a,b\n1,2\n"x,y\n', "in line 3"),
        (b'a\n"x"y\n', "in line 2"),
    ],
)
def test_what_is_no_table_is_told(content: bytes, told: str) -> None:
    with pytest.raises(CsvError, match=told):
        parse_csv(content)
