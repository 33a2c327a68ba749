"""The 27 mistakes that a space can have, B1 to B27, and the rows of the tables beside this one that show each.

A name stands for the row of that name in every table that has it: `spaces` (YAML, some JSON), `json`, `toml`, `code`.
`test_bad_input.py` sees to it that the rows are there, in each format in which the mistake can be made.
"""

# fmt: off
# A mistake is a few lines here, and its rows stand together.

from __future__ import annotations

from dataclasses import dataclass, field

YAML, JSON, TOML, CODE = "YAML", "JSON", "TOML", "Python"


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something that people write, or that happens to files."""

    number: str
    what: str
    rows: tuple[str, ...] = ()
    not_in: dict[str, str] = field(default_factory=dict)
    """Format -> why it cannot be made there, of data files."""
    elsewhere: str = ""
    """The test that shows it, where no row does, because it is no error."""


CATALOGUE = [
    Mistake("B1", "no such file, a folder, no right to read it, empty, only comments",
            ("missing file", "missing file, another is near", "folder", "cannot be read", "empty", "only comments",
             "no parameter", "no such file", "no such module", "nothing in it"),
            elsewhere="test_files.py::test_files_that_are_none"),
    Mistake("B2", "1e-5, which YAML 1.1 takes for text, as a number: taken as one",
            elsewhere="test_bad_input.py::test_what_is_meant_is_taken"),
    Mistake("B3", "on, off, yes and no as words", ("on, off, no", "yes alone"),
            {JSON: "true and false are its only booleans", TOML: "true and false are its only booleans"}),
    Mistake("B4", "one name twice", ("key twice", "field twice", "key twice in JSON", "name twice", "table twice",
                                     "name in a table and by itself")),
    Mistake("B5", "numbers and dates that are read as something else",
            ("leading zero", "hexadecimal", "underscore", "sexagesimal", "date", "date as a choice",
             "date that is none", "dates")),
    Mistake("B6", "tabs, wrong indent, two documents, a list at the top, no UTF-8, text of another format",
            ("tab", "wrong indent", "indent that closes nothing", "two documents", "list", "UTF-16", "Latin-1", "NUL",
             "list in JSON", "two JSON texts", "YAML in JSON", "open JSON", "YAML", "JSON", "open quote", "open list",
             "no Python")),
    Mistake("B7", "tags that would run code", ("Python tag", "own tag", "set"),
            {JSON: "it has no tags", TOML: "it has no tags"}),
    Mistake("B8", "bombs: aliases, depth, digits, size",
            ("alias bomb", "alias of itself", "nested 20,000 deep", "nested 100,000 deep in JSON",
             "number of 5,000 digits", "1 MiB and a byte", "name of 100,000 parts")),
    Mistake("B9", "low above high", ("low above high", "low above high on one line")),
    Mistake("B10", "low equal to high: a warning", elsewhere="test_spaces.py::test_check_warns_of_ends_that_meet"),
    Mistake("B11", "a log scale from zero or below",
            ("log from zero", "log from below zero", "log of whole numbers from zero")),
    Mistake("B12", "log and step", ("log and step",)),
    Mistake("B13", "a step of zero, below zero, larger than the range",
            ("step zero", "step below zero", "step larger than the range")),
    Mistake("B14", "a step that does not divide the range", ("step that does not divide",)),
    Mistake("B15", "NaN as a bound", ("NaN", "NaN in JSON")),
    Mistake("B16", "an infinite bound", ("infinite", "1e999")),
    Mistake("B17", "fractions, words and booleans where whole numbers stand",
            ("fraction as a whole number", "true as a whole number", "word as a number",
             "fraction, word and true as whole numbers")),
    Mistake("B18", "no choices; one choice is a constant, and taken", ("no choices",),
            elsewhere="test_bad_input.py::test_what_is_meant_is_taken"),
    Mistake("B19", "a choice twice", ("choice twice",)),
    Mistake("B20", "choices that Python takes for equal", ("choices equal in Python",)),
    Mistake("B21", "a choice that is a list, a mapping, a date or NaN",
            ("choice that is a list", "choice that is a mapping", "choice that is NaN", "date as a choice")),
    Mistake("B22", "unknown types and fields", ("unknown type", "unknown field", "unknown type and field")),
    Mistake("B23", "a parent that is missing, a value that it never has, a cycle",
            ("parent that is missing", "value that no parent has", "cycle", "own parent",
             "parent that is missing, value that none has")),
    Mistake("B24", "names that trackers, files or databases cannot keep",
            ("empty name", "name of 251 characters", "line end in a name", "path as a name", "slashes in a name",
             "slash before a name", "emoji as a name", "tag as a name", "names that are none")),
    Mistake("B25", "two names that become one",
            ("names that differ in case", "blank in a name")),
    Mistake("B26", "names that are reserved", ("name of MLflow's", "name of ours", "names that are none")),
    Mistake("B27", "10,000 parameters, 10 million points of a grid",
            ("10,000 parameters", "10,000 parameters in JSON", "search: grid of ten million")),
]
