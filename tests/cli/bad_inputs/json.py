"""Space files in JSON that are wrong: every problem of a file at once, with line and column.

json(name of the case, what is in the file, a line for each problem)        `...` in a line stands for anything
"""

# fmt: off
# A case is two or three lines here, so that what is read and what is said of it stand side by side.

from __future__ import annotations

from tests.cli.bad_inputs.case import Case, Content


def json(name: str, content: Content, *says: str) -> Case:
    return Case(f"{name} (JSON)", ("space", "check", "space.json"), says, files={"space.json": content})


CASES = [
    Case("missing file (JSON)", ("space", "check", "space.json"),
         ("space.json: there is no such file; looked from {here}",)),
    json("UTF-16", '{"lr": "1..2"}'.encode("utf-16"),
         "space.json: is not UTF-8 text (byte 1 is 0xff): save it as UTF-8"),
    json("leading zero", '{"n": {"type": "int", "low": 010, "high": 20}}',
         "space.json:1:31: not valid JSON: Expecting ',' delimiter, got '10, \"high\": 20}}'"),
    json("1 MiB and a byte", " " * (2**20 + 1), "space.json: is larger than 1 MiB, the limit; give another file"),
    json("number of 5,000 digits", '{"n": {"type": "int", "low": 1, "high": ' + "9" * 5000 + "}}",
         "space.json:1:41: n: high must lie within -2**53..2**53, got inf"),
    json("low above high", '{"lr": {"type": "float", "low": 1, "high": 0.1}}',
         "space.json:1:33: lr: low 1.0 is above high 0.1: swap them"),
    json("log from zero", '{"lr": {"type": "float", "low": 0, "high": 1, "log": true}}',
         "space.json:1:33: lr: low must be above 0 on a log scale, got 0.0: try 1e-06"),
    json("log and step", '{"lr": {"type": "float", "low": 0.1, "high": 1, "log": true, "step": 0.1}}',
         "space.json:1:56: lr: log and step 0.1 exclude each other: keep one of them"),
    json("step zero", '{"n": {"type": "int", "low": 1, "high": 9, "step": 0}}',
         "space.json:1:52: n: step must be above 0, got 0"),
    json("step that does not divide", '{"lr": {"type": "float", "low": 0, "high": 1, "step": 0.3}}',
         "space.json:1:55: lr: step 0.3 does not divide 0.0..1.0: high would become 0.9, so write high 0.9"),
    json("infinite", '{"lr": {"type": "float", "low": 0, "high": 1e999}}',
         "space.json:1:44: lr: high must be a finite number, got inf"),
    json("fraction, word and true as whole numbers",
         '{"n": {"type": "int", "low": 1.5, "high": 3},\n "m": {"type": "int", "low": "few", "high": true}}',
         "space.json:1:30: n: low must be a whole number, got 1.5",
         "space.json:2:30: m: low must be a whole number, got 'few'",
         "space.json:2:45: m: high must be a whole number, got True"),
    json("no choices", '{"o": {"type": "categorical", "choices": []}}',
         "space.json:1:31: o: choices must hold at least one value, got none"),
    json("choice twice", '{"o": {"type": "categorical", "choices": ["adam", "sgd", "adam"]}}',
         "space.json:1:31: o: choices 1 and 3 are both adam: drop one"),
    json("choices equal in Python", '{"o": {"type": "categorical", "choices": [1, 1.0, true]}}',
         "space.json:1:31: o: choices 1 and 2 (1 and 1.0) are equal in Python: write one as text",
         "space.json:1:31: o: choices 1 and 3 (1 and true) are equal in Python: write one as text"),
    json("choice that is a list", '{"o": {"type": "categorical", "choices": [[64, 64], [128]]}}',
         "space.json:1:31: o: choices: [64, 64] is a list: ...",
         "space.json:1:31: o: choices: [128] is a list: ..."),
    json("unknown type and field",
         '{"lr": {"type": "flaot", "low": 0, "high": 1},\n "n": {"type": "int", "low": 0, "hihg": 1}}',
         "space.json:1:17: lr: type must be one of float, int, ..., got 'flaot'; did you mean 'float'?",
         "space.json:2:2: n: int needs the field 'high', which is missing",
         "space.json:2:33: n: unknown field 'hihg'; did you mean 'high'?"),
    json("parent that is missing, value that none has",
         '{"a": "mlp|cnn",\n "b": {"type": "int", "low": 1, "high": 2, "when": {"c": 1}},\n "d": "1..2 when a=rnn"}',
         "space.json:2:44: b: exists when c=1, but there is no parameter 'c'...",
         "space.json:3:7: d: exists when a=rnn, but a is mlp|cnn, never rnn..."),
    json("cycle", '{"a": "1..2 when b=1",\n "b": "1..2 when a=1"}',
         "space.json:1:7: a: conditions form a cycle: a -> b -> a; a parameter cannot decide on its own parents"),
    json("names that are none",
         '{"": "1..2",\n "a b": "1..2",\n "../x": "1..2",\n "mlflow.x": "1..2",\n "__proto__/": 1}',
         "space.json:1:2: parameter name '' must be made of letters ...",
         "space.json:2:2: parameter name 'a b' must be made of letters ...",
         "space.json:3:2: parameter name '../x' must be made of letters ...",
         "space.json:4:2: parameter name 'mlflow.x' begins with a reserved prefix (mlflow., automl.): rename it",
         "space.json:5:2: parameter name '__proto__/' must be made of letters ..."),
    json("names that differ in case", '{"lr": "1..2",\n "LR": "1..3"}',
         "space.json:2:2: parameter name 'LR' differs from 'lr' in case only: rename one of them"),
]
