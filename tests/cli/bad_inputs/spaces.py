"""Space files that are wrong: every problem of a file at once, with line and column.

yaml(name of the case, what is in the file, a line for each problem)        `...` in a line stands for anything
"""

# fmt: off
# A case is two or three lines here, so that what is read and what is said of it stand side by side.

from __future__ import annotations

from tests.cli.bad_inputs.case import Case, Content

# Each list holds the one before ten times: a million values from six lines.
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdef", "bcdefg", strict=True)
)


def yaml(name: str, content: Content, *says: str) -> Case:
    return Case(name, ("space", "check", "space.yaml"), says, files={"space.yaml": content})


def json(name: str, content: Content, *says: str) -> Case:
    return Case(f"{name} (JSON)", ("space", "check", "space.json"), says, files={"space.json": content})


def path(name: str, path: str, files: dict[str, Content], *says: str) -> Case:
    return Case(name, ("space", "check", path), says, files=files)


CASES = [
    yaml("relations that are wrong", "n: 1..8\nrequire:\n- n < 9\n- m < n\n- n <\nforbid: [{n: 3}, n=33, 5]\n",
     "space.yaml:4:3: require: m < n: there is no parameter 'm'; add it",
     "space.yaml:5:3: require: cannot read 'n <': ...",
     "space.yaml:6:18: forbid: n=33, but n is 1..8, never 33",
     "space.yaml:6:24: forbid: must map parents to values, ..., got 5"),
    yaml("relation that is no list of texts", "n: 1..8\nrequire: {n: 3}\n",
     "space.yaml:2:1: require: a relation must be text such as 'n_layers * width <= 4096', got {'n': 3}"),
    yaml("relations that leave no point", "x: 0.0..1\nrequire: x < 1e-9\n",
     "space.yaml: of 10,000 points drawn none fulfils the relations; require x < 1e-09 failed most often ..."),
    path("cannot be read", "x" * 300 + ".yaml", {}, "xxx...xxx.yaml: cannot be read: File name too long"),
    path("missing file", "space.yaml", {}, "space.yaml: there is no such file; looked from {here}"),
    path("missing file, another is near", "space.yaml", {"spaces.yaml": "x: 1..2\n"},
     "space.yaml: there is no such file; looked from {here}; did you mean 'spaces.yaml'?"),
    path("folder", "space.yaml", {"space.yaml/a.yaml": "x: 1..2\n"},
     "space.yaml: is a folder; give the file in it, such as space.yaml/space.yaml"),
    path("other ending", "space.txt", {"space.txt": "x: 1..2\n"},
     "space.txt: a space file ends in .yaml, .yml, .json, .toml, got .txt"),
    path("no ending", "space", {"space": "x: 1..2\n"},
     "space: a space file ends in .yaml, .yml, .json, .toml, got no ending"),
    yaml("empty", "",
     'space.yaml:1:1: a search space must map parameter names to ranges, such as "lr: 1e-5..1e-1 log", got '
     "nothing"),
    yaml("only comments", "# lr: 1..2\n\n# more\n",
     'space.yaml:1:1: a search space must map parameter names to ranges, such as "lr: 1e-5..1e-1 log", got '
     "nothing"),
    yaml("no parameter", "{}\n",
     'space.yaml:1:1: there is no parameter in it; write lines such as "lr: 1e-5..1e-1 log"'),
    yaml("only null", "~\n",
     'space.yaml:1:1: a search space must map parameter names to ranges, such as "lr: 1e-5..1e-1 log", got '
     "nothing"),
    yaml("1 MiB and a byte", "#" * (2**20 + 1), "space.yaml: is larger than 1 MiB, the limit; give another file"),
    yaml("tab", "lr: 1..2\n\twidth: 1..2\n",
     "space.yaml:2:1: not valid YAML: while scanning for the next token, found character '\\t' that cannot "
     "start any token; indent with spaces"),
    yaml("wrong indent", "lr: 1..2\n  width: 1..2\n",
     "space.yaml:2:8: not valid YAML: mapping values are not allowed here; indent alike what belongs together, "
     "put a blank after each colon, quote text that holds one"),
    yaml("indent that closes nothing", "lr:\n    type: float\n  low: 1\n",
     "space.yaml:3:3: not valid YAML: while parsing a block mapping, expected <block end>, but found '<block "
     "mapping start>'; indent alike what belongs together"),
    yaml("no blank after the colon", "lr:1..2\nwidth: 1..2\n",
     "space.yaml:2:6: not valid YAML: mapping values are not allowed here; indent alike what belongs together, "
     "put a blank after each colon, quote text that holds one"),
    yaml("open brace", "lr: {type: float\n",
     "space.yaml:2:1: not valid YAML: while parsing a flow mapping, expected ',' or '}', but got '<stream "
     "end>'; close what is open, and put commas between"),
    yaml("open quote", "lr: \"adam\n",
     "space.yaml:2:1: not valid YAML: while scanning a quoted scalar, found unexpected end of stream; close "
     "the quote"),
    yaml("unquoted @", "lr: @now\n",
     "space.yaml:1:5: not valid YAML: while scanning for the next token, found character '@' that cannot start "
     "any token; quote it"),
    yaml("two documents", "lr: 1..2\n---\nlr: 1..2\n",
     "space.yaml:2:1: not valid YAML: expected a single document in the stream, but found another document; "
     "keep what stands above or below ---"),
    yaml("list", "- lr: 1..2\n",
     'space.yaml:1:1: a search space must map parameter names to ranges, such as "lr: 1e-5..1e-1 log", got '
     "[{'lr': '1..2'}]"),
    yaml("text", "just text\n",
     'space.yaml:1:1: a search space must map parameter names to ranges, such as "lr: 1e-5..1e-1 log", got '
     "'just text'"),
    yaml("number", "3\n",
     'space.yaml:1:1: a search space must map parameter names to ranges, such as "lr: 1e-5..1e-1 log", got 3'),
    yaml("UTF-16", "lr: 1..2".encode("utf-16"), "space.yaml: is not UTF-8 text (byte 1 is 0xff): save it as UTF-8"),
    yaml("Latin-1", "lr: café".encode("latin-1"),
     "space.yaml: is not UTF-8 text (byte 8 is 0xe9): save it as UTF-8"),
    yaml("NUL", "lr: 1..2\0\n", "space.yaml:1:9: not valid YAML: the character '\\x00' is not allowed: remove it"),
    yaml("bell", "lr: 1..\x07\n", "space.yaml:1:8: not valid YAML: the character '\\x07' is not allowed: remove it"),
    yaml("key twice", "lr: 1..2\nwidth: 1..2\nlr: 3..4\n",
     "space.yaml:3:1: 'lr' stands on line 1 and again here: keep one of them"),
    yaml("field twice", "lr: {type: float, low: 0, low: 1, high: 2}\n",
     "space.yaml:1:27: 'low' stands on line 1 and again here: keep one of them"),
    yaml("names that differ in case", "lr: 1..2\nLR: 1..3\n",
     "space.yaml:2:1: parameter name 'LR' differs from 'lr' in case only: rename one of them"),
    yaml("list as a name", "? [a]\n: 1\n", "space.yaml:1:3: a name must be text, not a list or a mapping"),
    yaml("Python tag", "x: !!python/object/apply:os.system ['touch owned']\n",
     "space.yaml:1:4: the tag '!!python/object/apply:os.system' is not allowed: remove it"),
    yaml("own tag", "x: !secret abc\n", "space.yaml:1:4: the tag '!secret' is not allowed: remove it"),
    yaml("set", "x: !!set {a, b}\n", "space.yaml:1:4: the tag '!!set' is not allowed: remove it"),
    yaml("tagged number", "x: !!int '5'\n", "space.yaml:1:4: the tag '!!int' is not allowed: remove it"),
    yaml("merge key", "a: &a {type: int, low: 1, high: 2}\nb:\n  <<: *a\n",
     "space.yaml:3:3: merging (<<) is not done here: write the fields out"),
    yaml("alias of nothing", "lr: *nobody\n",
     "space.yaml:1:5: not valid YAML: found undefined alias 'nobody'; quote text that begins with *"),
    yaml("alias bomb", 
     BOMB,
     "space.yaml:1:35: more than 10000 values, the limit, those that aliases repeat included"),
    yaml("alias of itself", "x: &x [*x]\n",
     "space.yaml:1:4: lists and mappings are nested more than 32 deep, the limit"),
    yaml("nested 20,000 deep", "x: " + "[" * 20_000,
     "space.yaml:1:35: lists and mappings are nested more than 32 deep, the limit"),
    yaml("10,000 parameters", "".join(f"x{k}: 1..2\n" for k in range(10_000)),
     "space.yaml:5000:8: more than 10000 values, the limit, those that aliases repeat included"),
    yaml("number of 5,000 digits", "n: {type: int, low: 1, high: " + "9" * 5000 + "}\n",
     "space.yaml:1:30: n: high must lie within -2**53..2**53, got inf"),
    yaml("on, off, no", "x: {type: categorical, choices: [on, off, no]}\n",
     'space.yaml:1:34: YAML takes on for a boolean, True; write "on" if it is text',
     'space.yaml:1:38: YAML takes off for a boolean, False; write "off" if it is text',
     'space.yaml:1:43: YAML takes no for a boolean, False; write "no" if it is text'),
    yaml("yes alone", "x: yes\n", 'space.yaml:1:4: YAML takes yes for a boolean, True; write "yes" if it is text'),
    yaml("leading zero", "n: {type: int, low: 010, high: 20}\n",
     'space.yaml:1:21: YAML takes 010 for a number, 8; write "010" if it is text'),
    yaml("hexadecimal", "n: {type: int, low: 0x1F, high: 40}\n",
     'space.yaml:1:21: YAML takes 0x1F for a number, 31; write "0x1F" if it is text'),
    yaml("underscore", "n: {type: int, low: 1_000, high: 2000}\n",
     'space.yaml:1:21: YAML takes 1_000 for a number, 1000; write "1_000" if it is text'),
    yaml("sexagesimal", "t: {type: constant, value: 1:30}\n",
     'space.yaml:1:28: YAML takes 1:30 for a number, 90; write "1:30" if it is text'),
    yaml("date", "d: 2026-01-01\n",
     'space.yaml:1:4: YAML takes 2026-01-01 for a date, datetime.date(2026, 1, 1); write "2026-01-01" if it is '
     "text"),
    yaml("date as a choice", "d: {type: categorical, choices: [2026-01-01, never]}\n",
     'space.yaml:1:34: YAML takes 2026-01-01 for a date, datetime.date(2026, 1, 1); write "2026-01-01" if it '
     "is text"),
    yaml("date that is none", "d: 2026-13-01\n",
     'space.yaml:1:4: YAML takes 2026-13-01 for a date; write "2026-13-01" if it is text'),
    yaml("low above high", "lr:\n  type: float\n  low: 1\n  high: 0.1\n",
     "space.yaml:3:8: lr: low 1.0 is above high 0.1: swap them"),
    yaml("low above high on one line", "lr: 1..0.1\n",
     "space.yaml:1:5: lr: cannot read '1..0.1': low 1.0 is above high 0.1: swap them; an example: 1e-5..1e-1 "
     "log"),
    yaml("log from zero", "lr: {type: float, low: 0, high: 1, log: true}\n",
     "space.yaml:1:24: lr: low must be above 0 on a log scale, got 0.0: try 1e-06"),
    yaml("log from below zero", "lr: -1e-3..1e-1 log\n",
     "space.yaml:1:5: lr: cannot read '-1e-3..1e-1 log': low must be above 0 on a log scale, got -0.001: try "
     "1e-06; an example: 1e-5..1e-1 log"),
    yaml("log of whole numbers from zero", "n: 0..64 log\n",
     "space.yaml:1:4: n: cannot read '0..64 log': low must be above 0 on a log scale, got 0: try 1; an "
     "example: 1e-5..1e-1 log"),
    yaml("log and step", "lr: {type: float, low: 0.1, high: 1, log: true, step: 0.1}\n",
     "space.yaml:1:43: lr: log and step 0.1 exclude each other: keep one of them"),
    yaml("log that is text", "lr: {type: float, low: 0.1, high: 1, log: always}\n",
     "space.yaml:1:43: lr: log must be true or false, got 'always'"),
    yaml("step zero", "n: {type: int, low: 1, high: 9, step: 0}\n",
     "space.yaml:1:39: n: step must be above 0, got 0"),
    yaml("step below zero", "lr: {type: float, low: 0, high: 1, step: -0.1}\n",
     "space.yaml:1:42: lr: step must be above 0, got -0.1"),
    yaml("step larger than the range", "n: {type: int, low: 1, high: 9, step: 10}\n",
     "space.yaml:1:39: n: step 10 is larger than the range 1..9: use at most 8"),
    yaml("step that does not divide", "lr: {type: float, low: 0, high: 1, step: 0.3}\n",
     "space.yaml:1:42: lr: step 0.3 does not divide 0.0..1.0: high would become 0.9, so write high 0.9"),
    yaml("step that does not divide whole numbers", "n: 1..10 step 4\n",
     "space.yaml:1:4: n: cannot read '1..10 step 4': step 4 does not divide 1..10: high would become 9, so "
     "write high 9; an example: 16..256 step 16"),
    yaml("step too fine", "lr: 0.0..1.0 step 1e-17\n",
     "space.yaml:1:5: lr: cannot read '0.0..1.0 step 1e-17': step 1e-17 is too small for 0.0..1.0: it makes "
     "more than 2**53 values; an example: 16..256 step 16"),
    yaml("NaN", "lr: {type: float, low: .nan, high: 1}\n",
     "space.yaml:1:24: lr: low must be a finite number, got nan"),
    yaml("infinite", "lr: {type: float, low: 0, high: .inf}\n",
     "space.yaml:1:33: lr: high must be a finite number, got inf"),
    yaml("1e999", "lr: {type: float, low: 0, high: 1e999}\n",
     "space.yaml:1:33: lr: high must be a finite number, got inf"),
    yaml("wider than a float", "lr: -1e308..1e308\n",
     "space.yaml:1:5: lr: cannot read '-1e308..1e308': low -1e+308 is too far from high 1e+308 for a float: "
     "narrow the range; an example: 1e-5..1e-1 log"),
    yaml("fraction as a whole number", "n: {type: int, low: 1.5, high: 3}\n",
     "space.yaml:1:21: n: low must be a whole number, got 1.5"),
    yaml("true as a whole number", "n: {type: int, low: 1, high: true}\n",
     "space.yaml:1:30: n: high must be a whole number, got True"),
    yaml("word as a number", "n: {type: int, low: few, high: 3}\n",
     "space.yaml:1:21: n: low must be a whole number, got 'few'"),
    yaml("list as a number", "n: {type: int, low: [1], high: 3}\n",
     "space.yaml:1:16: n: low must be a whole number, got [1]"),
    yaml("null as a number", "n: {type: int, low: , high: 3}\n",
     "space.yaml:1:20: n: low must be a whole number, got None"),
    yaml("beyond 2**53", "n: {type: int, low: 0, high: 9007199254740993}\n",
     "space.yaml:1:30: n: high must lie within -2**53..2**53, got 9007199254740993"),
    yaml("no choices", "o: {type: categorical, choices: []}\n",
     "space.yaml:1:24: o: choices must hold at least one value, got none"),
    yaml("choices that are text", "o: {type: categorical, choices: adam}\n",
     "space.yaml:1:33: o: choices must be a list such as ['adam', 'sgd'], got 'adam'"),
    yaml("choice twice", "o: {type: categorical, choices: [adam, sgd, adam]}\n",
     "space.yaml:1:24: o: choices 1 and 3 are both adam: drop one"),
    yaml("choices equal in Python", "o: {type: categorical, choices: [1, 1.0, true]}\n",
     "space.yaml:1:24: o: choices 1 and 2 (1 and 1.0) are equal in Python: write one as text",
     "space.yaml:1:24: o: choices 1 and 3 (1 and true) are equal in Python: write one as text"),
    yaml("choice that is a list", "o: {type: categorical, choices: [[64, 64], [128]]}\n",
     "space.yaml:1:24: o: choices: [64, 64] is a list: use text, a number, true, false or null; or name them "
     "all: {a_name: [64, 64], ...}",
     "space.yaml:1:24: o: choices: [128] is a list: use text, a number, true, false or null; or name them "
     "all: {a_name: [128], ...}"),
    yaml("choice that is a mapping", "o: {type: categorical, choices: [{a: 1}]}\n",
     "space.yaml:1:24: o: choices: {'a': 1} is a dict: use text, a number, true, false or null; or name them "
     "all: {a_name: {'a': 1}, ...}"),
    yaml("choice that is NaN", "o: {type: categorical, choices: [.nan, 1]}\n",
     "space.yaml:1:24: o: choices: nan is not a finite number"),
    yaml("list instead of a mapping", "o: [adam, sgd]\n",
     "space.yaml:1:1: o: must be a range such as \"1..6\" or a mapping with a type, got ['adam', 'sgd']; write "
     "{'type': 'categorical', 'choices': ['adam', 'sgd']}"),
    yaml("constant that is a list", "o: {type: constant, value: [1]}\n",
     "space.yaml:1:21: o: value [1] is a list: use text, a number, true, false or null"),
    yaml("unknown type", "lr: {type: flaot, low: 0, high: 1}\n",
     "space.yaml:1:12: lr: type must be one of float, int, ..., got 'flaot'; did you mean 'float'?"),
    yaml("type that is a number", "lr: {type: 3}\n",
     "space.yaml:1:12: lr: type must be one of float, int, ..., got 3"),
    yaml("no type", "lr: {low: 0, high: 1}\n",
     "space.yaml:1:1: lr: there is no type; it must be one of float, int, categorical, ordinal, constant"),
    yaml("unknown field", "lr: {type: float, low: 0, hihg: 1}\n",
     "space.yaml:1:1: lr: float needs the field 'high', which is missing",
     "space.yaml:1:27: lr: unknown field 'hihg'; did you mean 'high'?"),
    yaml("field of another type", "lr: {type: constant, value: 1, step: 3}\n",
     "space.yaml:1:32: lr: unknown field 'step'; constant has value"),
    yaml("missing field", "lr: {type: float, low: 0}\n",
     "space.yaml:1:1: lr: float needs the field 'high', which is missing"),
    yaml("nothing after the colon", "lr:\n",
     'space.yaml:1:4: lr: there is no range; write one such as "1e-5..1e-1 log" or "adam|sgd"'),
    yaml("three dots", "n: 1...6\n",
     "space.yaml:1:4: n: cannot read '1...6': a range is low..high; an example: 1e-5..1e-1 log"),
    yaml("unknown word", "lr: 1e-5..1e-1 lgo\n",
     "space.yaml:1:5: lr: cannot read '1e-5..1e-1 lgo': after low..high comes log, step, default, prior or "
     "when, got 'lgo'; did you mean 'log'?; an example: 1e-5..1e-1 log"),
    yaml("unquoted blank", "o: {type: int, low: 1, high: 2}\np: one two|three\n",
     "space.yaml:2:4: p: cannot read 'one two|three': expected '|' between values, got 'two'; an example: "
     "adam|sgd"),
    yaml("parent that is missing", 
     "a: mlp|cnn\nw: {type: int, low: 1, high: 2, when: {arhc: cnn}}\narch: 1..2\n",
     "space.yaml:2:33: w: exists when arhc=cnn, but there is no parameter 'arhc'; did you mean 'arch'?"),
    yaml("value that no parent has", "arch: mlp|cnn\nw: 1..2 when arch=cn\n",
     "space.yaml:2:4: w: exists when arch=cn, but arch is mlp|cnn, never cn; did you mean 'cnn'?"),
    yaml("cycle", "a: 1..2 when b=1\nb: 1..2 when c=1\nc: 1..2 when a=1\n",
     "space.yaml:1:4: a: conditions form a cycle: a -> b -> c -> a; a parameter cannot decide on its own "
     "parents"),
    yaml("own parent", "a: 1..2 when a=1\n",
     "space.yaml:1:4: a: conditions form a cycle: a -> a; a parameter cannot decide on its own parents"),
    yaml("parent that is continuous", "a: 0.0..1.0\nb: 1..2 when a=0.5\n",
     "space.yaml:2:4: b: exists when a=0.5, but a is a Float (0.0..1): ask for an interval, such as "
     "a>=0.0"),
    yaml("when that is a list", "a: {type: int, low: 1, high: 2, when: [b]}\n",
     "space.yaml:1:33: a: when must map parents to values, such as {'arch': 'cnn'}, got ['b']"),
    yaml("when without a value", "a: 1..2\nb: {type: int, low: 1, high: 2, when: {a: []}}\n",
     "space.yaml:2:33: b: when a: needs at least one value, got an empty list"),
    yaml("when without a name", "a: 1..2 when\n",
     "space.yaml:1:4: a: cannot read '1..2 when': after when comes name=value, name=low..high or name>=low; "
     "an example: 2..6 when arch=cnn|mlp"),
    yaml("empty name", "\"\": 1..2\n",
     "space.yaml:1:1: parameter name '' must be made of letters a to z, digits, '_', '-' and single dots "
     "inside, such as cnn.width"),
    yaml("name of 251 characters", "x" * 251 + ": 1..2\n",
     "space.yaml:1:1: parameter name 'xxx... has 251 characters; at most 250 are allowed"),
    yaml("line end in a name", "\"a\\nb\": 1..2\n",
     "space.yaml:1:1: parameter name 'a\\nb' must be made of letters ..."),
    yaml("path as a name", "../x: 1..2\n", "space.yaml:1:1: parameter name '../x' must be made of letters ..."),
    yaml("slashes in a name", "a//b: 1..2\n", "space.yaml:1:1: parameter name 'a//b' must be made of letters ..."),
    yaml("slash before a name", "/a: 1..2\n", "space.yaml:1:1: parameter name '/a' must be made of letters ..."),
    yaml("emoji as a name", "\U0001f600: 1..2\n", "space.yaml:1:1: parameter name '😀' must be made of letters ..."),
    yaml("tag as a name", "<script>: 1..2\n",
     "space.yaml:1:1: parameter name '<script>' must be made of letters ..."),
    yaml("blank in a name", "a b: 1..2\n", "space.yaml:1:1: parameter name 'a b' must be made of letters ..."),
    yaml("dash before a name", "-a: 1..2\n", "space.yaml:1:1: parameter name '-a' must be made of letters ..."),
    yaml("dot after a name", "a.: 1..2\n", "space.yaml:1:1: parameter name 'a.' must be made of letters ..."),
    yaml("name of MLflow's", "mlflow.user: 1..2\n",
     "space.yaml:1:1: parameter name 'mlflow.user' begins with a reserved prefix (mlflow., automl.): rename it"),
    yaml("name of ours", "automl.uid: 1..2\n",
     "space.yaml:1:1: parameter name 'automl.uid' begins with a reserved prefix (mlflow., automl.): rename it"),
    yaml("all problems of a file", 
     "lr: 2..1\nopt: {type: categorical, choices: [yes, no]}\nlr: 3\nwidth: {type: itn}\nz: 1..2 when lr=1\n",
     "space.yaml:1:5: lr: cannot read '2..1': low 2 is above high 1: swap them; an example: 1e-5..1e-1 log",
     'space.yaml:2:36: YAML takes yes for a boolean, True; write "yes" if it is text',
     'space.yaml:2:41: YAML takes no for a boolean, False; write "no" if it is text',
     "space.yaml:3:1: 'lr' stands on line 1 and again here: keep one of them",
     "space.yaml:4:15: width: type must be one of float, int, ..., got 'itn'; did you mean 'int'?"),
    json("empty JSON", "  \n", "space.json:2:1: not valid JSON: Expecting value, got the end of the file"),
    json("no parameter in JSON", "{}",
     'space.json:1:1: there is no parameter in it; write lines such as "lr: 1e-5..1e-1 log"'),
    json("list in JSON", "[1, 2]",
     'space.json:1:1: a search space must map parameter names to ranges, such as "lr: 1e-5..1e-1 log", got [1, '
     "2]"),
    json("comma at the end of JSON", '{"lr": "1..2",}',
     "space.json:1:1...: not valid JSON: ..., got ..."),  # Python's own words, which differ from version to version
    json("unquoted range in JSON", '{\n  "lr": 1..2\n}',
     "space.json:2:10: not valid JSON: Expecting ',' delimiter, got '..2'"),
    json("open JSON", '{"lr": "1..2"',
     "space.json:1:14: not valid JSON: Expecting ',' delimiter, got the end of the file"),
    json("two JSON texts", '{"lr": "1..2"} {}', "space.json:1:16: not valid JSON: Extra data, got '{}'"),
    json("YAML in JSON", "lr: 1..2\n", "space.json:1:1: not valid JSON: Expecting value, got 'lr: 1..2'"),
    json("key twice in JSON", '{\n  "lr": "1..2",\n  "lr": "1..3"\n}',
     "space.json:3:3: 'lr' stands on line 2 and again here: keep one of them"),
    json("nested 100,000 deep in JSON", "[" * 100_000,
     "space.json:1:1: lists and mappings are nested more than 32 deep, the limit"),
    json("10,000 parameters in JSON", "{" + ",".join(f'"x{k}": "1..2"' for k in range(10_000)) + "}",
     "space.json:1:158885: more than 10000 values, the limit, those that aliases repeat included"),
    json("NaN in JSON", '{"lr": {"type": "float", "low": NaN, "high": 1}}',
     "space.json:1:33: lr: low must be a finite number, got nan"),
    json("choice that is no text", '{"o": {"type": "categorical", "choices": ["\\ud83d"]}}',
     "space.json:1:31: o: choices: '\\ud83d' is not valid Unicode text"),
    json("all problems of a JSON file", 
     '{\n  "lr": "2..1",\n  "n": {"type": "int", "low": 1.5, "high": "x"},\n  "n": 1,\n  "a/b": true\n}',
     "space.json:2:9: lr: cannot read '2..1': low 2 is above high 1: swap them; an example: 1e-5..1e-1 log",
     "space.json:3:31: n: low must be a whole number, got 1.5",
     "space.json:3:44: n: high must be a whole number, got 'x'",
     "space.json:4:3: 'n' stands on line 3 and again here: keep one of them",
     "space.json:5:3: parameter name 'a/b' must be made of letters ..."),
]
