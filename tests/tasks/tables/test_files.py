"""Reading a table: what is understood, and what is said of a file that cannot be read."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pandas as pd
import pytest

from automl.errors import ConfigError
from automl.tasks.tables import files

ROWS = "a,b\n1,x\n2,y\n"


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def problems_of(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        files.read(files.check(str(path)))
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plain.csv", ROWS.encode()),
        ("semicolons.csv", ROWS.replace(",", ";").encode()),
        ("tabs.tsv", ROWS.replace(",", "\t").encode()),
        ("bars.csv", ROWS.replace(",", "|").encode()),
        ("bom.csv", b"\xef\xbb\xbf" + ROWS.encode()),
        ("windows.csv", ROWS.replace("\n", "\r\n").encode()),
        ("spaces.csv", b"a, b\n1, x\n2, y\n"),
        ("blank lines.csv", b"\na,b\n\n1,x\n2,y\n\n"),
        ("quoted.csv", b'"a","b"\n"1","x"\n"2","y"\n'),
        ("packed.csv.gz", gzip.compress(ROWS.encode(), mtime=0)),
        ("packed without saying so.csv", gzip.compress(ROWS.encode(), mtime=0)),
        ("no end of line.csv", ROWS.rstrip().encode()),
    ],
)
def test_many_ways_to_write_one_table(tmp_path: Path, name: str, content: bytes) -> None:
    """Delimiter, byte order mark, line ends, quotes, blank lines and packing make no difference."""
    source = files.read(files.check(str(write(tmp_path / name, content))))

    assert source.frame.to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}


def test_parquet(tmp_path: Path) -> None:
    """A Parquet file is read with its own types, an index of pandas' included as a column."""
    frame = pd.DataFrame({"a": [1, 2], "day": pd.to_datetime(["2024-01-01", None])})
    frame.to_parquet(tmp_path / "t.parquet")

    source = files.read(files.check(str(tmp_path / "t.parquet")))

    assert list(source.frame.columns) == ["a", "day"]
    assert source.frame["day"].isna().tolist() == [False, True]
    assert source.place(1) == "t.parquet, row 2"


def test_missing_values_and_fields_of_several_lines(tmp_path: Path) -> None:
    """Empty fields, NA and ? are missing; a row is named by the line at which it begins."""
    path = write(tmp_path / "t.csv", 'a,b,c\n1,"x\ny",?\n2,,NA\n3,z,4\n')

    source = files.read(files.check(str(path)))

    assert source.frame.isna().sum().to_dict() == {"a": 0, "b": 1, "c": 2}
    assert [source.place(row) for row in range(3)] == ["t.csv:2", "t.csv:4", "t.csv:5"]


def test_columns_without_a_name_get_one(tmp_path: Path) -> None:
    """The index that pandas writes has no name."""
    path = write(tmp_path / "t.csv", ",a,b \n0,1,2\n1,2,3\n")

    source = files.read(files.check(str(path)))

    assert list(source.frame.columns) == ["Unnamed: 0", "a", "b"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a,b\n1,2,3\n1\n1,2\n", ["t.csv:2: 3 fields, expected 2", "t.csv:3: 1 field, expected 2"]),
        (
            "a,b\n" + "1\n" * 9,
            ["t.csv:2: 1 f", "t.csv:3: 1 f", "t.csv:4: 1 f", "t.csv: 6 more lines like this (ragged)"],
        ),
        ("a,b\n1,2\n1,\0\n", ["t.csv:3: a NUL byte at character 3"]),
        (b"a,b\n1,caf\xe9\n", ["t.csv:2: byte 0xe9 at character 6 is not UTF-8; save the file as UTF-8"]),
        (b"a,b\n1,\xc3\xa9\n2,\xff\n1\n", ["t.csv:3: byte 0xff", "t.csv:4: 1 field, expected 2"]),
        ('a,b\n1,"x\n2,y\n', ["t.csv:2: unexpected end of data; is a quote never closed"]),
        (
            "a,b,a,b,a\n1,2,3,4,5\n",
            ["columns 1 and 3 and 5 are both called 'a'", "columns 2 and 4 are both called 'b'"],
        ),
        ("a\n1\n", ["t.csv:1: a single column, 'a', and nothing to predict it from"]),
        ("a,b\n", ["t.csv: no rows"]),
        ("1,2\n3,4\n", ["t.csv:1: '1,2' are numbers; expected the names of the columns"]),
        ("a,b\n1,2\n".encode("utf-16"), ["t.csv is UTF-16; save it as UTF-8"]),
        (b"\n\n", ["t.csv: no rows"]),
    ],
    ids=[
        "ragged",
        "many",
        "NUL",
        "latin-1",
        "two sorts",
        "quote",
        "twice",
        "single",
        "header",
        "none",
        "utf-16",
        "blank",
    ],
)
def test_lines_that_cannot_be_read(tmp_path: Path, content: str | bytes, expected: list[str]) -> None:
    """Each is named by file and line with what is wrong; of many like it the first few."""
    problems = problems_of(write(tmp_path / "t.csv", content))

    assert len(problems) == len(expected)
    for problem, start in zip(problems, expected, strict=True):
        assert start in problem


def test_files_that_are_none(tmp_path: Path) -> None:
    """An address, a missing file, a folder, a pipe, an empty file: said before anything is read."""
    write(tmp_path / "data.csv", ROWS)
    write(tmp_path / "empty.csv", "")
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    expected = {
        "https://example.org/data.csv": "is an address; download it, and give the file",
        f"{tmp_path}/dat.csv": "dat.csv does not exist; did you mean 'data.csv'?",
        f"{tmp_path}/folder.csv": "is a folder; expected a file with a table",
        f"{tmp_path}/pipe.csv": "is not a regular file; expected a file with a table",
        f"{tmp_path}/empty.csv": "is empty; expected a line with the names of the columns",
        f"{tmp_path}/data.csv/x.csv": "cannot be read: Not a directory",
    }

    for text, said in expected.items():
        with pytest.raises(ConfigError, match=said.replace("?", r"\?")):
            files.check(text)


@pytest.mark.parametrize("name", ["t.csv.gz", "t.parquet"])
def test_containers_that_are_broken(tmp_path: Path, name: str) -> None:
    """A file cut short says so in one line."""
    pd.DataFrame({"a": range(1000), "b": 0}).to_parquet(tmp_path / "t.parquet")
    write(tmp_path / "t.csv.gz", gzip.compress(ROWS.encode() * 100))
    path = write(tmp_path / name, (tmp_path / name).read_bytes()[:-20])

    (problem,) = problems_of(path)

    assert str(path) in problem
    assert "gzip" in problem or "Parquet" in problem
    assert "\n" not in problem


def test_what_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is told from the size, of a packed file while it is unpacked, of Parquet from what it says it holds."""
    row = "1,2\n"
    pd.DataFrame({"a": range(1000), "b": 0}).to_parquet(tmp_path / "t.parquet", compression="none")
    write(tmp_path / "t.csv", "a,b\n" + row * 1000)
    write(tmp_path / "t.csv.gz", gzip.compress(("a,b\n" + row * 1000).encode()))
    write(tmp_path / "line.csv", "a,b" * 500)
    monkeypatch.setattr(files, "LARGEST", 3000)
    monkeypatch.setattr(files, "LONGEST_LINE", 1000)

    for name in ("t.csv", "t.csv.gz", "t.parquet"):
        (problem,) = problems_of(tmp_path / name)
        assert "take a sample" in problem
    assert "has a line of more than 1,000 characters" in problems_of(tmp_path / "line.csv")[0]


def test_digest_is_of_the_content(tmp_path: Path) -> None:
    """A copy has the same, a change of one byte another."""
    one, same, other = (write(tmp_path / f"{n}.csv", ROWS + "3,z" * (n == 2)) for n in range(3))

    assert files.digest(one) == files.digest(same) != files.digest(other)
