"""Space files in TOML that are wrong: every problem of a file at once, with line and column.

toml(name of the case, what is in the file, a line for each problem)        `...` in a line stands for anything
"""

# fmt: off
# A case is two or three lines here, so that what is read and what is said of it stand side by side.

from __future__ import annotations

from tests.cli.bad_inputs.case import Case, Content

AN_EXAMPLE = "an example: 1e-5..1e-1 log"


def toml(name: str, content: Content, *says: str) -> Case:
    return Case(f"{name} (TOML)", ("space", "check", "space.toml"), says, files={"space.toml": content})


CASES = [
    Case("missing file (TOML)", ("space", "check", "space.toml"),
         ("space.toml: there is no such file; looked from {here}; did you mean 'spaces.toml'?",),
         files={"spaces.toml": "x = '1..2'\n"}),
    Case("folder (TOML)", ("space", "check", "space.toml"),
         ("space.toml: is a folder; give the file in it, such as space.toml/space.toml",),
         files={"space.toml/a.toml": "x = '1..2'\n"}),
    toml("empty", "", 'space.toml:1:1: there is no parameter in it; write lines such as lr = "1e-5..1e-1 log"'),
    toml("only comments", "# lr = 1\n\n",
         'space.toml:1:1: there is no parameter in it; write lines such as lr = "1e-5..1e-1 log"'),
    toml("1 MiB and a byte", "#" * (2**20 + 1), "space.toml: is larger than 1 MiB, the limit; give another file"),
    toml("range without quotes", "lr = 1e-5..1e-1 log\n",
         "space.toml:1:10: not valid TOML: Expected newline or end of document after a statement; quote ranges and "
         "texts, and write one name to a line"),
    toml("text without quotes", "o = adam|sgd\n",
         "space.toml:1:5: not valid TOML: Invalid value; quote ranges and texts; lists and tables are closed on their "
         "last line"),
    toml("YAML", "lr: 1..2\n",
         "space.toml:1:3: not valid TOML: Expected '=' after a key in a key/value pair; a line is name = \"range\""),
    toml("JSON", '{"lr": "1..2"}\n',
         'space.toml:1:1: not valid TOML: Invalid statement; a line is name = "range", or [table]'),
    toml("open quote", 'lr = "1..2\n',
         "space.toml:1:11: not valid TOML: Illegal character '\\n'; close the quote before it, or write an escape "
         "such as \\n"),
    toml("open list", "o = {type = 'categorical', choices = ['a', 'b'}\n",
         "space.toml:1:47: not valid TOML: Unclosed array; close it with ]"),
    toml("open table", "n = {type = 'int', low = 1\nhigh = 3}\n",
         "space.toml:1:27: not valid TOML: Unclosed inline table; close it with }, and write numbers without a zero "
         "before them"),
    toml("table that is added to", "n = {type = 'int', low = 1}\nn.high = 3\n",
         "space.toml:2:11: not valid TOML: Cannot mutate immutable namespace ('n',); a table in braces is whole: write "
         "all its keys inside them"),
    toml("UTF-16", "lr = '1..2'".encode("utf-16"), "space.toml: is not UTF-8 text (byte 1 is 0xff): save it as UTF-8"),
    toml("NUL", "lr = '1..2'\0\n", "space.toml:1:12: not valid TOML: ..."),
    toml("name twice", "lr = '1..2'\nn = '1..2'\nlr = '3..4'\n",
         "space.toml:3:1: 'lr' stands on line 1 and again here: keep one of them"),
    toml("table twice", "[cnn]\nwidth = '1..2'\n[cnn]\ndepth = '1..2'\n",
         "space.toml:3:2: 'cnn' stands on line 1 and again here: keep one of them"),
    toml("name in a table and by itself", "'cnn.width' = '1..2'\n[cnn]\nwidth = '3..4'\n",
         "space.toml:3:1: 'cnn.width' stands in a group and by itself: keep one of them"),
    toml("names that differ in case", "lr = '1..2'\nLR = '1..3'\n",
         "space.toml:2:1: parameter name 'LR' differs from 'lr' in case only: rename one of them"),
    toml("leading zero", "n = {type = 'int', low = 010, high = 20}\n",
         "space.toml:1:27: not valid TOML: Unclosed inline table; close it with }, and write numbers without a zero "
         "before them"),
    toml("dates", "d = 2026-01-01\no = {type = 'categorical', choices = [07:30:00, 'never']}\n",
         'space.toml:1:5: TOML takes 2026-01-01 for a date; write "2026-01-01" if it is text',
         'space.toml:2:39: TOML takes 07:30:00 for a date; write "07:30:00" if it is text'),
    toml("nested 20,000 deep", "x = " + "[" * 20_000,
         "space.toml:1:36: lists and mappings are nested more than 32 deep, the limit"),
    toml("name of 100,000 parts", ".".join("x" * 100_000) + " = 1",
         "space.toml:1:65: lists and mappings are nested more than 32 deep, the limit"),
    toml("10,000 parameters", "".join(f"x{k} = '1..2'\n" for k in range(10_000)),
         "space.toml:10000:9: more than 10000 values, the limit, those that aliases repeat included"),
    toml("number of 5,000 digits", "n = {type = 'int', low = 1, high = " + "9" * 5000 + "}\n",
         "space.toml:1:36: n: high must lie within -2**53..2**53, got inf"),
    toml("low above high", "[lr]\ntype = 'float'\nlow = 1\nhigh = 0.1\n",
         "space.toml:3:7: lr: low 1.0 is above high 0.1: swap them"),
    toml("low above high on one line", "lr = '1..0.1'\n",
         f"space.toml:1:6: lr: cannot read '1..0.1': low 1.0 is above high 0.1: swap them; {AN_EXAMPLE}"),
    toml("log from zero", "lr = {type = 'float', low = 0, high = 1, log = true}\n",
         "space.toml:1:29: lr: low must be above 0 on a log scale, got 0.0: try 1e-06"),
    toml("log and step", "lr = {type = 'float', low = 0.1, high = 1, log = true, step = 0.1}\n",
         "space.toml:1:50: lr: log and step 0.1 exclude each other: keep one of them"),
    toml("step zero", "n = {type = 'int', low = 1, high = 9, step = 0}\n",
         "space.toml:1:46: n: step must be above 0, got 0"),
    toml("step that does not divide", "lr = {type = 'float', low = 0, high = 1, step = 0.3}\n",
         "space.toml:1:49: lr: step 0.3 does not divide 0.0..1.0: high would become 0.9, so write high 0.9"),
    toml("NaN", "lr = {type = 'float', low = nan, high = 1}\n",
         "space.toml:1:29: lr: low must be a finite number, got nan"),
    toml("infinite", "lr = {type = 'float', low = 0, high = inf}\nn = {type = 'float', low = 0, high = 1e999}\n",
         "space.toml:1:39: lr: high must be a finite number, got inf",
         "space.toml:2:38: n: high must be a finite number, got inf"),
    toml("fraction, word and true as whole numbers",
         "n = {type = 'int', low = 1.5, high = 3}\nm = {type = 'int', low = 'few', high = true}\n",
         "space.toml:1:26: n: low must be a whole number, got 1.5",
         "space.toml:2:26: m: low must be a whole number, got 'few'",
         "space.toml:2:40: m: high must be a whole number, got True"),
    toml("no choices", "o = {type = 'categorical', choices = []}\n",
         "space.toml:1:28: o: choices must hold at least one value, got none"),
    toml("choice twice", "o = {type = 'categorical', choices = ['adam', 'sgd', 'adam']}\n",
         "space.toml:1:28: o: choices 1 and 3 are both adam: drop one"),
    toml("choices equal in Python", "o = {type = 'categorical', choices = [1, 1.0, true]}\n",
         "space.toml:1:28: o: choices 1 and 2 (1 and 1.0) are equal in Python: write one as text",
         "space.toml:1:28: o: choices 1 and 3 (1 and true) are equal in Python: write one as text"),
    toml("choice that is a list", "o = {type = 'categorical', choices = [[64, 64]]}\n",
         "space.toml:1:28: o: choices: [64, 64] is a list: ..."),
    toml("unknown type and field", "lr = {type = 'flaot', low = 0, high = 1}\nn = {type = 'int', low = 0, hihg = 1}\n",
         "space.toml:1:14: lr: type must be one of float, int, ..., got 'flaot'; did you mean 'float'?",
         "space.toml:2:1: n: int needs the field 'high', which is missing",
         "space.toml:2:29: n: unknown field 'hihg'; did you mean 'high'?"),
    toml("no type", "[lr]\nlow = 0\nhigh = 1\n",
         "space.toml:1:2: lr: there is no type; it must be one of float, int, ...constant"),
    toml("number in a group", "[cnn]\ndepth = 3\n",
         "space.toml:1:2: cnn: there is no type; it must be one of float, int, ...constant; in a group of parameters "
         'each is text, such as "1..6" or "=12"'),
    toml("list of tables", "[[lr]]\nlow = 1\n",
         "space.toml:1:3: lr: must be a range such as \"1..6\" or a mapping with a type, got [{'low': 1}]"),
    toml("parent that is missing", "a = 'mlp|cnn'\n[w]\ntype = 'int'\nlow = 1\nhigh = 2\nwhen = {b = 'cnn'}\n",
         "space.toml:6:1: w: exists when b=cnn, but there is no parameter 'b'..."),
    toml("cycle", "a = '1..2 when b=1'\nb = '1..2 when a=1'\n",
         "space.toml:1:5: a: conditions form a cycle: a -> b -> a; a parameter cannot decide on its own parents"),
    toml("value that no parent has", "arch = 'mlp|cnn'\n[cnn]\nwidth = '1..2 when arch=cn'\n",
         "space.toml:3:9: cnn.width: exists when arch=cn, but arch is mlp|cnn, never cn; did you mean 'cnn'?"),
    toml("names that are none",
         "'' = '1..2'\n'a b' = '1..2'\n'../x' = '1..2'\n'mlflow.x' = '1..2'\n[cnn]\n'a/b' = '1..2'\n",
         "space.toml:1:1: parameter name '' must be made of letters ...",
         "space.toml:2:1: parameter name 'a b' must be made of letters ...",
         "space.toml:3:1: parameter name '../x' must be made of letters ...",
         "space.toml:4:1: parameter name 'mlflow.x' begins with a reserved prefix (mlflow., automl.): rename it",
         "space.toml:6:1: parameter name 'cnn.a/b' must be made of letters ..."),
    toml("all problems of a file",
         "lr = '2..1'\nd = 2026-01-01\n[cnn]\nwidth = '1..2 lgo'\n[cnn.kernel]\ntype = 'itn'\n",
         f"space.toml:1:6: lr: cannot read '2..1': low 2 is above high 1: swap them; {AN_EXAMPLE}",
         'space.toml:2:5: TOML takes 2026-01-01 for a date; write "2026-01-01" if it is text',
         "space.toml:4:9: cnn.width: cannot read '1..2 lgo': after low..high comes ...",
         "space.toml:6:8: cnn.kernel: type must be one of float, int, ..., got 'itn'; did you mean 'int'?"),
    Case("space of a search (TOML)",
         ("search", "train.py:objective", "--space", "space.toml", "--metric", "val_loss"),
         (f"--space: space.toml:1:6: lr: cannot read '2..1': low 2 is above high 1: swap them; {AN_EXAMPLE}",),
         files={"space.toml": "lr = '2..1'\n"}),
]
