"""Data files that cannot be learnt from: told with file, line and counts before anything is made.

table(name of the case, what is in the file, what stands after `automl search`, a line for each problem)
"""

# fmt: off
# A case is two or three lines here, so that what is in a file and what is said of it stand side by side.

from __future__ import annotations

import gzip
import shlex

from tests.cli.bad_inputs.case import Case, Content


def lines(header: str, row: str) -> str:
    """Return a table of 60 rows; {i} in `row` is their number, {letter} one of two letters."""
    return "\n".join([header, *(row.format(i=i, letter="pq"[i % 2]) for i in range(60))]) + "\n"


GOOD = lines("a,b,y", "{i}.5,{letter},{letter}s")


def table(name: str, content: Content | None, line: str, *says: str) -> Case:
    arguments = shlex.split(line)
    files = {} if content is None else {arguments[0]: content}
    return Case(f"table: {name}", ("search", *arguments), says, files=files)


CASES = [
    table("missing file", None, "none.csv --target y",
     "none.csv does not exist; give the path of a table"),
    table("empty", "", "data.csv --target y",
     "data.csv is empty; expected a line with the names of the columns, and rows"),
    table("header only", "a,y\n", "data.csv --target y",
     "data.csv: no rows; expected a line with the names of the columns, and rows below it"),
    table("no target named", GOOD, "data.csv",
     "--target is needed (`target_column:` in a study file): which column of data.csv is to be predicted? "
     "It has a, b, y"),
    table("target that is not there", GOOD, "data.csv --target z",
     "--target 'z': data.csv has no such column (it has a, b, y)"),
    table("target that differs in case", GOOD, "data.csv --target Y",
     "--target 'Y': data.csv has no such column; did you mean 'y'? (it has a, b, y)"),
    table("empty target", GOOD, 'data.csv --target ""',
     "--target '': data.csv has no such column (it has a, b, y)"),
    table("target of a task", GOOD, "digits --target y",
     "--target 'y' names a column, but 'digits' is no data file (.csv, .csv.gz, .tsv, .tsv.gz, .parquet)"),
    table("one column", lines("y", "{i}"), "data.csv --target y",
     "data.csv:1: a single column, 'y', and nothing to predict it from; between columns stands a comma, "
     "semicolon, tab or |"),
    table("target that never varies", lines("a,y", "{i},1"), "data.csv --target y",
     "--target 'y': always 1; there is nothing to predict"),
    table("target that is always missing", lines("a,y", "{i},"), "data.csv --target y",
     "--target 'y': no values; there is nothing to predict"),
    table("target all distinct text", lines("a,y", "{i},t{i}"), "data.csv --target y",
     "--target 'y': of 60 classes 60 have fewer than the 4 rows that three parts need: 't0' (1), "
     "'t1' (1), 't10' (1), 't11' (1), 't12' (1) and 55 more; leave these rows out, or join them to another "
     "class"),
    table("class of two rows", lines("a,y", "{i},{letter}") + "7,rare\n8,rare\n", "data.csv --target y",
     "--target 'y': of 3 classes 1 have fewer than the 4 rows that three parts need: 'rare' (2); leave "
     "these rows out, or join them to another class"),
    table("two rows", "a,y\n1,x\n2,z\n", "data.csv --target y",
     "--target 'y': of 2 classes 2 have fewer than the 4 rows that three parts need: 'x' (1), 'z' "
     "(1); leave these rows out, or join them to another class"),
    table("line with a field too many", GOOD + "1,2,3,4\n", "data.csv --target y",
     "data.csv:62: 4 fields, expected 3 as in the header"),
    table("line with a field too few", GOOD + "1\n", "data.csv --target y",
     "data.csv:62: 1 field, expected 3 as in the header"),
    table("quote that is not closed", GOOD + '1,"x,yes\n', "data.csv --target y",
     "data.csv:62: unexpected end of data; is a quote never closed, or not doubled inside a field?"),
    table("NUL", GOOD + "1,\0,yes\n", "data.csv --target y",
     "data.csv:62: a NUL byte at character 3; expected text in UTF-8"),
    table("another encoding", (GOOD + "1,café,yes\n").encode("latin-1"), "data.csv --target y",
     "data.csv:62: byte 0xe9 at character 6 is not UTF-8; save the file as UTF-8"),
    table("UTF-16", GOOD.encode("utf-16"), "data.csv --target y", "{here}/data.csv is UTF-16; save it as UTF-8"),
    table("column twice", lines("a,a,y", "{i},7,{letter}"), "data.csv --target y",
     "data.csv: columns 1 and 2 are both called 'a'; rename all but one"),
    table("numbers with a comma", lines("a;y", "{i},5;{letter}"), "data.csv --target y",
     "data.csv: column 'a': 60 of 60 values look like numbers but are not, such as '0,5' (data.csv:2); write "
     "them plainly, such as 1234.5"),
    table("amounts of money", lines("a,y", "${i}.50,{letter}"), "data.csv --target y",
     "data.csv: column 'a': 60 of 60 values look like numbers but are not, such as '$0.50' (data.csv:2); write "
     "them plainly, such as 1234.5"),
    table("infinite target", lines("a,y", "{i},{i}.5") + "7,inf\n", "data.csv --target y",
     "column 'y' is infinite in 1 of 61 rows, the first at data.csv:62; leave out what is unknown"),
    table("only columns that cannot help", lines("id,c,y", "u{i},1,{letter}"), "data.csv --target y",
     "data.csv has no column that could help to predict 'y': id: all different, such as 'u0'; c: always 1"),
    table("gzip that is cut", gzip.compress(GOOD.encode())[:-20], "data.csv.gz --target y",
     "{here}/data.csv.gz is no whole gzip file: Compressed file ended before the end-of-stream marker was "
     "reached"),
    table("Parquet that is none", GOOD, "data.parquet --target y",
     "{here}/data.parquet cannot be read as Parquet: Parquet magic bytes not found in footer. Either the file "
     "is corrupted or this is not a parquet file."),
    table("spreadsheet", b"PK\3\4", "data.xlsx --target y",
     "--target 'y' names a column, but 'data.xlsx' is no data file (.csv, .csv.gz, .tsv, .tsv.gz, .parquet)"),
    table("JSON lines", "{}\n", "data.jsonl --target y",
     "--target 'y' names a column, but 'data.jsonl' is no data file (.csv, .csv.gz, .tsv, .tsv.gz, .parquet)"),
    table("address", None, "https://example.com/data.csv --target y",
     "https://example.com/data.csv is an address; download it, and give the file"),
    table("bucket", None, "s3://bucket/data.csv --target y",
     "s3://bucket/data.csv is an address; download it, and give the file"),
    table("metric of numbers for classes", GOOD, "data.csv --target y --metric rmse",
     "--metric 'rmse' measures numbers, but --target 'y' holds text, which is taken for classes: 'ps', 'qs'; for "
     "classes there are acc, balanced_accuracy, auc, loss, and a column of numbers is needed for rmse"),
    table("metric of classes for numbers", lines("a,y", "{i},{i}.5"), "data.csv --target y --metric auc",
     "--target 'y': of 60 classes 60 have fewer than the 4 rows that three parts need: ...; leave "
     "these rows out, or join them to another class; --metric rmse, mae or r2 predicts a number"),
    table("unknown metric", GOOD, "data.csv --target y --metric acuracy",
     "--metric 'acuracy' is unknown; known: ..."),
    table("network for images", GOOD, "data.csv --target y --arch cnn",
     "--arch 'cnn': task 'data' has mlp"),
    table("direction that is none", GOOD, "data.csv --target y --metric val_auc --direction minimise",
     "--direction 'minimise' is unknown; did you mean 'minimize'? known: ..."),
    table("several problems", GOOD + "1\n1,2,3,4\n", "data.csv --target y",
     "data.csv:62: 1 field, expected 3 as in the header",
     "data.csv:63: 4 fields, expected 3 as in the header"),
    table("column and options", GOOD, "data.csv --target z --lr 1..0 --arch mpl --sampler tpee --trials 0",
     "--target 'z': data.csv has no such column (it has a, b, y)",
     "--lr: cannot read '1..0': ...",
     "--arch 'mpl' is unknown; did you mean 'mlp'? known: autoencoder, cnn, gan, mlp, rnn, transformer, vae",
     "--sampler 'tpee' is unknown; did you mean 'tpe'? known: ...",
     "--trials must be a whole number from 1 to 1000000000, got 0"),
    table("file and options", None, "none.csv --target y --metric rmse --early-stopping ashaa --name a/b",
     "none.csv does not exist; give the path of a table",
     "--early-stopping 'ashaa' is unknown; ...",
     "--name: study name 'a/b': ..."),
]
