"""Files give spaces or all their problems with places, and are written so that they are read back the same."""

from __future__ import annotations

import json
import os
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from search_spaces import Categorical, Constant, SearchSpace, SearchSpaceError, dump_space, dumps, load_space
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


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["1:1: there is nothing in it"]),
        ("# only\n# comments\n", ["1:1: there is nothing in it"]),
        ("{}", ["1:1: there is no parameter in it; write lines such as"]),
        ("- lr: 1..2\n", ["1:1: a search space must map parameter names to values, got [{'lr': '1..2'}]"]),
        ("just text\n", ["1:1: a search space must map parameter names to values, got 'just text'"]),
        ("lr: 1..2\n\twidth: 1..2\n", ["2:1: not valid YAML: while scanning", "indent with spaces"]),
        ("lr: {type: float\n", ["2:1: not valid YAML: while parsing a flow mapping, expected ',' or '}'"]),
        ("lr: 1..2\n---\nlr: 1..2\n", ["2:1: not valid YAML: expected a single document"]),
        ("lr: 1..2\n  w: 1\n", ["2:4: not valid YAML: mapping values are not allowed here"]),
        ("lr: 1..\x07\n", ["1:8: not valid YAML: the character '\\x07' is not allowed"]),
        ('lr: "\\UFFFFFFFF"\n', ["1:1: not valid YAML: "]),
        ("lr: *nobody\n", ["1:5: not valid YAML: found undefined alias 'nobody'"]),
        ("lr: 1..2\nwidth: 1..2\nlr: 3..4\n", ["3:1: 'lr' stands on line 1 and again here: keep one of them"]),
        ("lr: {type: float, low: 0, low: 1, high: 2}\n", ["1:27: 'low' stands on line 1 and again here"]),
        ("? [a]\n: 1\n", ["1:3: a name must be text, not a list or a mapping"]),
        ("x: !!python/object/apply:os.system [id]\n", ["1:4: the tag '!!python/object/apply:os.system' is not"]),
        ("x: !secret abc\n", ["1:4: the tag '!secret' is not allowed: remove it"]),
        ("x: !!set {a, b}\n", ["1:4: the tag '!!set' is not allowed"]),
        ("x: !!int '5'\n", ["1:4: the tag '!!int' is not allowed"]),
        ("x: {type: categorical, choices: [on, a]}\n", ['1:34: YAML takes on for a boolean, True; write "on" if']),
        ("x: no\n", ['1:4: YAML takes no for a boolean, False; write "no" if it is text']),
        ("x: {type: int, low: 010, high: 20}\n", ["1:21: YAML takes 010 for a number, 8; write"]),
        ("x: {type: constant, value: 1:30}\n", ["1:28: YAML takes 1:30 for a number, 90; write"]),
        ("x: 2026-01-01\n", ["1:4: YAML takes 2026-01-01 for a date, datetime.date(2026, 1, 1); write"]),
        ("x: 2026-13-01\n", ['1:4: YAML takes 2026-13-01 for a date; write "2026-13-01" if it is text']),
        ("x: {type: int, low: 0x1F, high: 40}\n", ["1:21: YAML takes 0x1F for a number, 31; write"]),
        ("x:\n", ["1:3: x: there is no range; write one such as"]),
        ("x: [adam, sgd]\n", ["1:1: x: must be a range such as", "'choices': ['adam', 'sgd']"]),
        ("lr:\n  type: float\n  low: 1\n  high: 0.1\n", ["3:8: lr: low 1.0 is above high 0.1: swap them"]),
        ("lr: {type: float, low: 0, high: 1, log: true}\n", ["1:24: lr: low must be above 0 on a log scale, got 0.0"]),
        ("lr: {type: float, low: .nan, high: 1}\n", ["1:24: lr: low must be a finite number, got nan"]),
        ("lr: {type: float, low: 0, high: -.inf}\n", ["1:33: lr: high must be a finite number, got -inf"]),
        ("n: {type: int, low: 1, high: 1%s}\n" % ("0" * 5000), ["1:30: n: high must be a whole number, got inf"]),
        ("n: {type: int, low: 1.5, high: true}\n", ["1:21: n: low must be a whole", "1:32: n: high must be a whole"]),
        ("lr: {type: float, low: 0, high: 1, step: 0.3}\n", ["1:42: lr: step 0.3 does not divide 0.0..1.0: high"]),
        ("o: {type: categorical, choices: []}\n", ["1:24: o: choices must hold at least one value"]),
        ("o: {type: categorical, choices: [a, a]}\n", ["1:24: o: choices 1 and 2 are both a"]),
        ("o: {type: categorical, choices: [1, 1.0, true]}\n", ["1:24: o: choices 1 and 2", "1:24: o: choices 1 and 3"]),
        ("o: {type: categorical, choices: [{a: 1}]}\n", ["1:24: o: choices: {'a': 1} is a dict"]),
        ("lr: {type: flaot}\n", ["1:12: lr: type must be one of", "did you mean 'float'?"]),
        ("lr: {type: float, low: 0, hihg: 1, high: 1}\n", ["1:33: lr: unknown field 'hihg'; did you mean 'high'?"]),
        ("lr: {type: float, low: 0}\n", ["1:1: lr: float needs the field 'high', which is missing"]),
        ("lr: {low: 0, high: 1}\n", ["1:1: lr: there is no type"]),
        ("lr: 1..0\n", ["1:5: lr: cannot read '1..0': low 1 is above high 0"]),
        ("a/b: 1..2\n", ["1:6: parameter name 'a/b' must be made of letters"]),
        ("a: 1..2\nw: {type: int, low: 1, high: 2, when: {b: 1}}\n", ["2:33: w: exists when b=1, but there is no"]),
        ("a: 1..2 when b=1\nb: 1..2 when a=1\n", ["1:4: a: conditions form a cycle: a -> b -> a"]),
        ("lr: 1..2\nLR: 1..3\n", ["2:5: LR: differs from 'lr' in case only: rename one of them"]),
        ("a: {type: int, low: 1, high: 2, when: [b]}\n", ["1:33: a: when must map parents to values"]),
    ],
)  # fmt: skip
def test_names_place_value_and_way_out(load, text, problems):
    """Each mistake of a YAML file is told with line and column, what was seen and what to do."""
    found = load(text)

    places = [problem for problem in problems if re.match(r"\d+:\d+: ", problem)]
    assert len(found) == len(places)
    assert all(seen.startswith(place) for seen, place in zip(found, places, strict=True))
    assert all(any(problem in seen for seen in found) for problem in problems)


def test_all_problems_of_a_file_in_the_order_of_its_lines(load):
    """One run is enough to mend a file, and data and YAML problems stand side by side."""
    found = load(
        "lr: 2..1\nopt: {type: categorical, choices: [yes, no]}\nlr: 3\nwidth: {type: itn}\nz: 1..2 when lr=1\n"
    )

    assert [problem.split(": ")[0] for problem in found] == ["1:5", "2:36", "2:41", "3:1", "4:15"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", '1:1: there is nothing in it; write {"lr": "1e-5..1e-1 log"}'),
        ('{"lr": "1..2",}', "1:15: not valid JSON: "),
        ('{\n  "lr": 1..2\n}', "2:10: not valid JSON: Expecting ',' delimiter, got '..2'"),
        ('{\n\t"lr": "1..2",\n\t"lr": "1..3"\n}', "3:2: 'lr' stands on line 2 and again here"),
        ('{"lr": {"type": "float", "low": NaN, "high": 1}}', "1:33: lr: low must be a number, got 'NaN'"),
        ("[" * 100_000, "1:1: lists and mappings are nested more than 32 deep"),
        ("[" * 40 + "]" * 40, "1:33: lists and mappings are nested more than 32 deep"),
        ("lr: 1..2", "1:1: not valid JSON: Expecting value"),
    ],
)
def test_json_problems(load, text, problem):
    """JSON is held to its own rules, and its problems have places too."""
    (found,) = load(text, "space.json")

    assert found.startswith(problem)


def test_limits(load):
    """Neither depth, nor aliases that repeat each other, nor size brings the machine down."""
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]\n" for k in range(1, 9)
    )

    assert load("x: " + "[" * 20_000) == ["1:35: lists and mappings are nested more than 32 deep"]
    assert load("x: &x [*x]")[0].endswith("lists and mappings are nested more than 32 deep")
    assert load(bomb)[0].endswith("more than 10000 values, those that aliases repeat included")
    assert load("".join(f"x{k}: 1..2\n" for k in range(6000))) == [
        "5000:8: more than 10000 values, those that aliases repeat included"
    ]
    assert load(b"#" * (2**20 + 1)) == [" is larger than 1 MiB, the limit; give another file"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("lr: 1..2".encode("utf-16"), " is not UTF-8 text (byte 1 is 0xff): save it as UTF-8"),
        (b"lr: caf\xe9", " is not UTF-8 text (byte 8 is 0xe9): save it as UTF-8"),
    ],
)
def test_other_encodings(load, content, problem):
    """What is not UTF-8 is refused with the byte that shows it."""
    assert load(content) == [problem]


def test_files_that_are_none(tmp_path):
    """A path that leads to no file says what is there instead."""
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "folder.yaml").mkdir()

    for name, problem in {
        "missing.yaml": "there is no such file; looked from",
        "folder.yaml": "is a folder; give the file in it",
        "pipe.yaml": "is neither file nor folder",
        "space.txt": "a space file ends in .yaml, .yml, .json, got .txt",
        "space": "a space file ends in .yaml, .yml, .json, got no ending",
        "nul\0.yaml": "cannot be read: embedded null",
        "x" * 300 + ".yaml": "cannot be read: File name too long",
    }.items():
        with pytest.raises(SearchSpaceError, match=re.escape(problem)):
            load_space(tmp_path / name)


def test_dump(tmp_path):
    """A file is written in the format of its ending."""
    dump_space(_SPACE, tmp_path / "a.yaml")
    dump_space(_SPACE, str(tmp_path / "a.json"))

    assert load_space(tmp_path / "a.yaml") == load_space(str(tmp_path / "a.json")) == _SPACE
    assert json.loads((tmp_path / "a.json").read_text()) == _SPACE.to_dict()
    assert "pool: {type: categorical, choices: [max, avg], when: {arch: [cnn, mlp]}}\n" in dumps(_SPACE)
    assert "lr: {type: float, low: 1.0e-05, high: 0.1, log: true}\n" in dumps(_SPACE)
    with pytest.raises(SearchSpaceError, match=r"ends in .yaml, .yml, .json, got .txt"):
        dump_space(_SPACE, tmp_path / "a.txt")
    with pytest.raises(SearchSpaceError, match="cannot be written: No such file"):
        dump_space(_SPACE, tmp_path / "none" / "a.yaml")
    with pytest.raises(SearchSpaceError, match="format must be yaml or json, got 'toml'"):
        dumps(_SPACE, format="toml")


@given(strategies.spaces(min_size=1))
def test_round_trip_through_both_formats(tmp_path_factory, space):
    """What is written is read as an equal space, by us and, as plain data, by any other reader."""
    folder = tmp_path_factory.getbasetemp()

    for name in ("space.yaml", "space.json"):
        dump_space(space, folder / name)
        assert load_space(folder / name) == space
    assert SearchSpace.from_dict(yaml.safe_load(dumps(space))) == space
    assert SearchSpace.from_dict(json.loads(dumps(space, format="json"))) == space


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
        "#",
        "%",
    ),
    *("1", "1e-5", "0.1", "1..2", "..", "=", "\n", "\n  ", "\t", "---\n", "true", ".nan", "\x00", "\ufeff", "\\ud83d"),
]


@given(st.lists(st.sampled_from(_SCRAPS), max_size=25).map("".join), st.sampled_from(["fuzz.yaml", "fuzz.json"]))
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
