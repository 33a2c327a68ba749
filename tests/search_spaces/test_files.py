"""Files give spaces or all their problems with places, and are written so that they are read back the same.

Each mistake that a file can have, and what is said of it, is a line of `tests/cli/bad_inputs/spaces.py`.
"""

from __future__ import annotations

import json
import os
import re
import tomllib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from search_spaces import Categorical, Constant, Int, SearchSpace, SearchSpaceError, dump_space, dumps, load_space
from tests import strategies

_YAML = """\
# What may vary.
arch: mlp|cnn
lr: {type: float, low: 1e-5, high: 0.1, log: true}
opt: {type: categorical, choices: [adam, "1e-5", 1e-5, true, null]}
width:
  type: int
  low: 8
  high: "64"
  when: {arch: cnn}
kernel: 3|5 when arch=cnn
pool: {type: categorical, choices: [max, avg], when: {arch: [cnn, mlp]}}
norm: {type: constant, value: batch, when: arch=cnn}
epochs: 12
"""
_TOML = (
    """\
epochs = 12  # What may vary.
lr = {type = "float", low = 1e-5, high = 0.1, log = true}
opt.type = "categorical"
opt.choices = ["adam", "1e-5", 1e-5, true, "none"]
"cnn.width" = """
    + "'''\n8..64 when arch=cnn'''"
    + """
arch = "mlp|cnn"

[cnn]
kernel = "3|5 when arch=cnn"
"pool.kind" = "max|avg"

[cnn.norm]
type = "constant"
value = "batch"
[cnn.norm.when]
arch = ["cnn"]
cnn.pool.kind = "max"  # a parent with dots
"""
)
_SPACE = SearchSpace(
    {
        "arch": "mlp|cnn",
        "lr": "1e-5..1e-1 log",
        "opt": Categorical(["adam", "1e-5", 1e-5, True, None]),
        "width": "8..64 when arch=cnn",
        "kernel": "3|5 when arch=cnn",
        "pool": "max|avg when arch=cnn|mlp",
        "norm": "=batch when arch=cnn",
        "epochs": Constant(12),
    }
)


@pytest.fixture
def load(tmp_path):
    """Write text or bytes to a file and load it; problems come back without the path that each begins with."""

    def _load(content, name="space.yaml"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        try:
            return load_space(path)
        except SearchSpaceError as error:
            return [problem.replace(f"{path}:", "", 1) for problem in error.problems]

    return _load


def test_reads_every_form(load):
    """Mappings, lines of the grammar, plain values and conditions of either form."""
    assert load(_YAML) == _SPACE
    assert load(_YAML.encode("utf-8-sig"), "space.YML") == _SPACE


def test_reads_toml(load):
    """Quoted and dotted names, tables, inline tables and lines of the grammar say the same things."""
    expected = SearchSpace(
        {
            "epochs": Constant(12),
            "lr": "1e-5..1e-1 log",
            "opt": Categorical(["adam", "1e-5", 1e-5, True, "none"]),
            "arch": "mlp|cnn",
            "cnn.width": "8..64 when arch=cnn",
            "cnn.kernel": "3|5 when arch=cnn",
            "cnn.pool.kind": "max|avg",
            "cnn.norm": "=batch when arch=cnn and cnn.pool.kind=max",
        }
    )

    assert load(_TOML, "space.toml") == expected
    assert load(_TOML.replace("\n", "\r\n").encode("utf-8-sig"), "space.TOML") == expected


def test_groups_in_any_format(load):
    """What stands under a common name begins with it; problems in a group have their own places."""
    expected = SearchSpace({"cnn.width": "8..64", "cnn.block.depth": {"type": "int", "low": 1, "high": 4}, "lr": 0.1})

    assert load("cnn:\n  width: 8..64\n  block: {depth: 1..4}\nlr: 0.1\n") == expected
    assert load('{"cnn": {"width": "8..64", "block": {"depth": "1..4"}}, "lr": 0.1}', "space.json") == expected
    assert SearchSpace({"cnn": {"width": "8..64", "block": {"depth": Int(1, 4)}}, "lr": 0.1}) == expected
    assert [
        problem.split(": ")[:2] for problem in load("cnn:\n  width: 8..4\n  b:\n    depth: {type: int, low: 9}\n")
    ] == [
        ["2:10", "cnn.width"],
        ["4:5", "cnn.b.depth"],
    ]


def test_parents_in_groups(load):
    """Dotted parents of a condition need no quotes in TOML, in alternatives and in what is forbidden neither."""
    text = """
n = "1..6"
cnn.norm = "batch|layer"
[w]
type = "int"
low = 1
high = 3
when = [{cnn.norm = "batch"}, {n.">" = 3}]
[[forbid]]
cnn.norm = "layer"
n = 5
"""

    assert load(text, "space.toml") == SearchSpace(
        {"n": "1..6", "cnn.norm": "batch|layer", "w": "1..3 when cnn.norm=batch or n>3"},
        forbid=["cnn.norm=layer and n=5"],
    )
    assert load(text.replace('"batch"}', '"bach"}'), "space.toml") == [
        "8:1: w: exists when cnn.norm=bach, but cnn.norm is batch|layer, never bach; did you mean 'batch'?"
    ]


def test_an_editor_may_be_told_of_the_schema(load):
    """JSON has no comments, so its files name their schema by a key, which is no parameter."""
    text = '{"$schema": "space.schema.json", "lr": "1..2"}'

    assert load(text) == load(text, "space.json") == SearchSpace({"lr": "1..2"})


def test_reads_json(load):
    """JSON of any indentation, with any of its escapes."""
    text = json.dumps(_SPACE.to_dict() | {"face": {"type": "constant", "value": "\U0001f600/"}})

    expected = _SPACE | {"face": Constant("\U0001f600/")}

    assert load(text, "space.json") == expected
    assert load(json.dumps(json.loads(text), indent="\t", separators=(",", ":")), "space.json") == expected
    assert load(text.replace("/", "\\/"), "space.json") == expected


def test_aliases_are_fine_while_they_are_small(load):
    """A list written once may be used twice."""
    space = load("a: {type: categorical, choices: &c [x, y]}\nb: {type: categorical, choices: *c}\n")

    assert space == SearchSpace({"a": "x|y", "b": "x|y"})


def test_all_problems_of_a_file_in_the_order_of_its_lines(load):
    """One run is enough to mend a file, and data and YAML problems stand side by side."""
    found = load(
        "lr: 2..1\nopt: {type: categorical, choices: [yes, no]}\nlr: 3\nwidth: {type: itn}\nz: 1..2 when lr=1\n"
    )

    assert [problem.split(": ")[0] for problem in found] == ["1:5", "2:36", "2:41", "3:1", "4:15"]


def test_files_that_are_none(tmp_path):
    """A path that leads to no file says what is there instead."""
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "folder.yaml").mkdir()

    for name, problem in {
        "missing.yaml": "there is no such file; looked from",
        "folder.yaml": "is a folder; give the file in it",
        "pipe.yaml": "is neither file nor folder",
        "space.txt": "a space file ends in .yaml, .yml, .json, .toml, got .txt",
        "space": "a space file ends in .yaml, .yml, .json, .toml, got no ending",
        "nul\0.yaml": "cannot be read: embedded null",
        "x" * 300 + ".yaml": "cannot be read: File name too long",
    }.items():
        with pytest.raises(SearchSpaceError, match=re.escape(problem)):
            load_space(tmp_path / name)


def test_dump(tmp_path):
    """A file is written in the format of its ending."""
    dump_space(_SPACE, tmp_path / "a.yaml")
    dump_space(_SPACE, str(tmp_path / "a.json"))
    dump_space(_SPACE, tmp_path / "a.toml")

    assert load_space(tmp_path / "a.yaml") == load_space(str(tmp_path / "a.json")) == _SPACE
    assert load_space(tmp_path / "a.toml") == _SPACE
    assert 'kernel = "3|5 when arch=cnn"\n' in dumps(_SPACE, format="toml")
    assert dumps(SearchSpace({"a.b": 'x|"y z"'}), format="toml") == """"a.b" = 'x|"y z"'\n"""
    assert json.loads((tmp_path / "a.json").read_text()) == _SPACE.to_dict()
    assert "pool: {type: categorical, choices: [max, avg], when: {arch: [cnn, mlp]}}\n" in dumps(_SPACE)
    assert "lr: {type: float, low: 1.0e-05, high: 0.1, log: true}\n" in dumps(_SPACE)
    with pytest.raises(SearchSpaceError, match=r"ends in .yaml, .yml, .json, .toml, got .txt"):
        dump_space(_SPACE, tmp_path / "a.txt")
    with pytest.raises(SearchSpaceError, match="cannot be written: No such file"):
        dump_space(_SPACE, tmp_path / "none" / "a.yaml")
    with pytest.raises(SearchSpaceError, match="format must be yaml, json or toml, got 'xml'"):
        dumps(_SPACE, format="xml")


@given(strategies.whole_spaces())
def test_round_trip_through_every_format(tmp_path_factory, space):
    """What is written is read as an equal space, by us and, as plain data, by any other reader."""
    folder = tmp_path_factory.getbasetemp()

    for name in ("space.yaml", "space.json", "space.toml"):
        dump_space(space, folder / name)
        assert load_space(folder / name) == space
        assert load_space(folder / name).fingerprint() == space.fingerprint()
    assert SearchSpace.from_dict(yaml.safe_load(dumps(space))) == space
    assert SearchSpace.from_dict(json.loads(dumps(space, format="json"))) == space
    assert SearchSpace(tomllib.loads(dumps(space, format="toml"))) == space


_SCRAPS = [
    *(
        "lr",
        "arch",
        "when",
        "type",
        "low",
        "high",
        "log",
        "choices",
        "float",
        "categorical",
        "cnn",
        "on",
        "null",
        "~",
        "010",
    ),
    *(
        ": ",
        ":",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "- ",
        "? ",
        "&a ",
        "*a",
        "!x ",
        "!!int ",
        "<<",
        "|",
        ">",
        "'",
        '"',
        "\\",
        "[a.b]\n",
        "[[a]]\n",
        " = ",
        '''"""''',
        "#",
        "%",
    ),
    *("1", "1e-5", "0.1", "1..2", "..", "=", "\n", "\n  ", "\t", "---\n", "true", ".nan", "\x00", "\ufeff", "\\ud83d"),
]


@given(
    st.lists(st.sampled_from(_SCRAPS), max_size=25).map("".join),
    st.sampled_from(["fuzz.yaml", "fuzz.json", "fuzz.toml"]),
)
def test_no_file_breaks_the_reader(tmp_path_factory, text, name):
    """Whatever a file holds, the answer is a space or an error of ours, each of whose problems names the file."""
    path = tmp_path_factory.getbasetemp() / name
    path.write_text(text, encoding="utf-8")

    try:
        problems = ()
        load_space(path)
    except SearchSpaceError as error:
        problems = error.problems

    assert all(problem.startswith(f"{path}:") for problem in problems)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_numbers_without_end_in_json_are_no_text(text, tmp_path):
    """Python reads them, though JSON lacks them; they are refused where they stand, as in YAML and TOML."""
    path = tmp_path / "space.json"
    path.write_text(f'{{"lr": {text}}}')

    with pytest.raises(SearchSpaceError, match=r"space.json:1:8: lr: value -?(nan|inf) is not a finite number"):
        load_space(path)
