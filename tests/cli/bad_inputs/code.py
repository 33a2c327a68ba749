"""Spaces in Python code that are wrong: one line with the file and line of the user's that is to blame.

code(name of the case, what is asked for, what is in space.py, a line for each problem)
"""

# fmt: off
# A case is two or three lines here, so that what is read and what is said of it stand side by side.

from __future__ import annotations

from tests.cli.bad_inputs.case import Case, Content

AT = "{here}/space.py"
EXPECTED = 'expected a SearchSpace, a mapping such as {"lr": "1e-5..1e-1 log"}, or a function that returns one of them'


def code(name: str, asked: str, content: Content, *says: str) -> Case:
    return Case(f"{name} (Python)", ("space", "check", asked), says, files={"space.py": content})


CASES = [
    code("no such file", "spaces.py:space", "", "{here}/spaces.py does not exist; did you mean 'space.py'?"),
    code("no such module", "my.spaces:space", "",
     "'my.spaces:space': there is no module 'my.spaces' in {here} or installed; a file is written file.py:space"),
    code("module that is a file", "space:wide", "", "{here}/space.py: there is no 'wide' in it"),
    code("no name", "space.py", "wide = {'lr': '1..2'}\nimport os\ndef make(): ...\n_x = 3\n",
     "'space.py' names no space in it; write space.py:wide or :make"),
    code("no file and no name", "spaces.py", "", "spaces.py does not exist; did you mean 'space.py'?"),
    code("empty name", "space.py:", "", "'space.py:': expected file.py:space or package.module:space, got space ''"),
    code("unknown name", "space.py:wdie", "wide = {}\n", f"{AT}: there is no 'wdie' in it; did you mean 'wide'?"),
    code("no Python", "space.py:space", "space = {\n  'lr' '1..2'\n  1}\n",
     f"{AT}:2:3 is not valid Python: invalid syntax. Perhaps you forgot a comma?: \"'lr' '1..2'\""),
    code("no text", "space.py:space", b"space = '\xff'\n", f"{AT}:1... is not valid Python: ..."),
    code("code that raises", "space.py:space", "import math\nspace = {'lr': math.log(0)}\n",
     f"importing {{here}}/space.py raised ValueError: math domain error ({AT}:2)"),
    code("code that exits", "space.py:space", "raise SystemExit(3)\n",
     "importing {here}/space.py ends the process; put that part under `if __name__ == '__main__':`"),
    code("package that is missing", "space.py:space", "import no_such_package\n",
     f"importing {{here}}/space.py raised ModuleNotFoundError: No module named 'no_such_package' ({AT}:1)"),
    code("number", "space.py:space", "x = 1\nspace = 3\n", f"{AT}:2: 'space' is 3; {EXPECTED}"),
    code("nothing in it", "space.py:space", "space = {}\n", f"{AT}:1: 'space' is a space without a parameter"),
    code("function that returns a list", "space.py:make", "def make():\n    return ['lr']\n",
     f"{AT}:1: make() returned ['lr']; {EXPECTED}"),
    code("function that needs something", "space.py:make", "def make(n):\n    return {'n': n}\n",
     f"{AT}:1: make() cannot be called: missing a required argument: 'n'; give its arguments defaults"),
    code("coroutine", "space.py:make", "async def make():\n    return {'n': 1}\n",
     f"{AT}:1: make() cannot be called: it is a coroutine, which nothing would await"),
    code("function that raises", "space.py:make", "def make():\n    return {}['lr']\n",
     f"calling space.py:make raised KeyError: 'lr' ({AT}:2)"),
    code("all problems of a mapping", "space.py:space",
     "import os\nspace = {\n    'lr': '2..1',\n    'a b': 3,\n    'n': '1..2 when m=1',\n}\n",
     f"{AT}:2: lr: cannot read '2..1': low 2 is above high 1: swap them; an example: 1e-5..1e-1 log",
     f"{AT}:2: parameter name 'a b' must be made of letters ...",
     f"{AT}:2: n: exists when m=1, but there is no parameter 'm'; add it"),
    code("all problems of a SearchSpace", "space.py:space",
     "from search_spaces import SearchSpace\n\n\nspace = SearchSpace({'lr': '2..1', 'n': True, 'o': None})\n",
     f"{AT}:4: lr: cannot read '2..1': low 2 is above high 1: swap them; an example: 1e-5..1e-1 log",
     f"{AT}:4: o: there is no range; write one such as ..."),
    Case("space of a search (Python)",
     ("search", "train.py:objective", "--space", "space.py:space", "--metric", "val_loss"),
     (f"--space: {AT}:1: lr: cannot read '2..1': low 2 is above high 1: swap them; an example: 1e-5..1e-1 log",),
     files={"space.py": "space = {'lr': '2..1'}\n"}),
    Case("space of a study file (Python)", ("search", "study.yaml"),
     ("study.yaml:3:8: space: {here}/spaces.py does not exist; give the path of a Python file...",),
     files={"study.yaml": "target: train.py:objective\nmetric: val_loss\nspace: spaces.py:space\n"}),
]
