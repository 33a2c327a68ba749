"""Questions about a study that make no sense, and objectives whose trials fail.

ask(name of the case, what stands after `automl`, a line for each problem)              `...` stands for anything
objective(name of the case, the function's body, reason and message of its trials)
"""

# fmt: off
# A case is two or three lines here, so that what is typed and what is said of it stand side by side.

from __future__ import annotations

import shlex

from tests.cli.bad_inputs.case import Case

LOCAL = "--executor local --tracker none"


def ask(name: str, line: str, *says: str) -> Case:
    return Case(name, tuple(shlex.split(line)), says)


def differs(name: str, line: str, *says: str) -> Case:
    return Case(name, tuple(shlex.split(f"{line} {LOCAL}")), says, code=3)


def objective(name: str, body: str, said: str) -> Case:
    line = (
        "search objective.py:objective -p x=0.0..1.0 --metric loss --direction minimize --sampler random "
        f"--early-stopping none {LOCAL} -q"
    )
    source = f"def objective(trial):\n    {body}\n"
    advice = "When that is mended,"
    if said.startswith("missing-metric"):
        advice = "Search again with the right --metric; or mend the objective, and"
    ending = f"{advice} go on with: automl resume objective-1"
    says = f"the first 3 trials failed with reason {said}{'' if said.endswith('?') else '.'} {ending}"
    return Case(name, tuple(shlex.split(line)), (says,), files={"objective.py": source}, code=1)


# Of the study `train-1`: four trials, made with --executor local and --tracker none.
STUDIES = [
    ask("misspelled name", "status trian-1",
     "no study 'trian-1' in {here}/automl_runs; did you mean 'train-1'?"),
    ask("misspelled name to resume", "resume trian-1",
     "no study 'trian-1' in {here}/automl_runs; did you mean 'train-1'?"),
    ask("misspelled name to list", "top trian-1",
     "no study 'trian-1' in {here}/automl_runs; did you mean 'train-1'?"),
    ask("misspelled name to show", "show trian-1",
     "no study 'trian-1' in {here}/automl_runs; did you mean 'train-1'?"),
    ask("misspelled name to deliver", "sync trian-1",
     "no study 'trian-1' in {here}/automl_runs; did you mean 'train-1'?"),
    ask("misspelled name to browse", "ui trian-1",
     "no study 'trian-1' in {here}/automl_runs; did you mean 'train-1'?"),
    ask("misspelled name to audit", "doctor trian-1",
     "no study 'trian-1' in {here}/automl_runs; did you mean 'train-1'?"),
    ask("misspelled name to stop", "stop trian-1",
     "no study 'trian-1' in {here}/automl_runs; did you mean 'train-1'?"),
    ask("misspelled name to delete", "rm train-1 trian-1 --yes",
     "no study 'trian-1' in {here}/automl_runs; did you mean 'train-1'?"),
    ask("name that is a path", "rm ../train-1 --yes",
     "study name '../train-1': use 1 to 200 letters, digits, '_', '-' and '.', not '.' first"),
    ask("trial that is not there", "show train-1 4", "study 'train-1' has no trial 4; it has 0 to 3"),
    ask("trial 999", "show train-1 999", "study 'train-1' has no trial 999; it has 0 to 3"),
    ask("negative trial", "show train-1 -1", "No such option: -1. See: automl show --help"),
    ask("trial in words", "show train-1 best", "TRIAL must be a whole number, got 'best'"),
    ask("trial beyond what a database holds", "show train-1 99999999999999999999",
     "study 'train-1' has no trial 99999999999999999999; it has 0 to 3"),
    ask("log without a trial", "show train-1 --log",
     "--log needs the number of a trial, such as: automl show STUDY 0 --log"),
    ask("log that is not there", "show train-1 0 --log",
     "trial 0 of train-1 has no log at {here}/automl_runs/train-1/trials/0/log: it printed nothing, or ran "
     "with --executor local, which leaves its output in the terminal"),
    ask("rows in words", "top train-1 -n few", "-n must be a whole number, got 'few'"),
    ask("no rows", "top train-1 -n 0", "-n must be a whole number from 1 to 1000000, got '0'"),
    ask("more rows than any study has", "top train-1 -n 99999999999999999999",
     "-n must be a whole number from 1 to 1000000, got '99999999999999999999'"),
    ask("more trials in words", "resume train-1 --trials +few",
     "--trials must be a whole number or +N for N more, got '+few'"),
    ask("no more trials", "resume train-1 --trials +0",
     "--trials must be a whole number from 1, or +N for N more, got '+0'"),
    ask("fewer than no trials", "resume train-1 --trials -5",
     "--trials must be a whole number from 1, or +N for N more, got '-5'"),
    ask("none at once", "resume train-1 --parallel 0",
     "--parallel must be a whole number from 1 to 1000000000, got 0"),
    ask("option of search", "resume train-1 --metric other",
     "--metric was settled when the study was made; `automl search` makes another. See: automl resume --help"),
    ask("range of search", "resume train-1 --lr 1e-3..1e-2",
     "No such option: --lr; use -p lr=RANGE. See: automl resume --help"),
    ask("range whose parameter is spelt otherwise", "resume train-1 --weight-decay 0..1",
     "No such option: --weight-decay; use -p weight_decay=RANGE. See: automl resume --help"),
    ask("part of a space", "resume train-1 --arch cnn",
     "No such option: --arch; use --space, which gives the whole new space. See: automl resume --help"),
    ask("relation of a space", 'resume train-1 --require "x > 0"',
     "No such option: --require; use --space, which gives the whole new space. See: automl resume --help"),
    ask("plan of a study", "resume train-1 --dry-run", "No such option: --dry-run. See: automl resume --help"),
    ask("another tracker", "resume train-1 --tracker none", "No such option: --tracker. See: automl resume --help"),
    ask("time without a unit", "resume train-1 --timeout 1h30",
     "--timeout must be a time such as 90, 90s, 15m or 1h30m, got '1h30'"),
    ask("several at once", "resume train-1 --timeout x --cpus y --trials z",
     "--timeout must be a time such as 90, 90s, 15m or 1h30m, got 'x'",
     "--cpus must be a number, got 'y'",
     "--trials must be a whole number or +N for N more, got 'z'"),
    ask("nowhere to deliver", "sync train-1",
     "study 'train-1' was made with --tracker none: there is nowhere to deliver it"),
    ask("nothing to browse", "ui train-1",
     "study 'train-1' was made with --tracker none: MLflow has nothing of it"),
    differs("name that is taken", "search train.py:objective -p x=0..1 --metric val_loss --name train-1",
     "study 'train-1' exists in {here}/automl_runs: go on with `automl resume train-1`, or choose another "
     "--name",
     "it has sampler 'random', not 'auto'", "it has early stopping 'none', not 'auto'",
     "its space has for x 0.0..1, not 0..1"),
    differs("name that differs in case", "search train.py:objective -p x=0..1 --metric val_loss --name Train-1",
     "study 'train-1' exists in {here}/automl_runs, which many file systems take for 'Train-1': go on with "
     "`automl resume train-1`, or choose another --name"),
    differs("name of a folder with other files", "search train.py:objective -p x=0..1 --metric val_loss --name notes",
     "{here}/automl_runs/notes holds files of something else: choose another --name"),
]

OBJECTIVES = [
    objective("returns nothing", "pass",
     "missing-metric: metric 'loss' was never reported nor returned; seen: nothing; return {'loss': number}"),
    objective("returns text", 'return "1.5"', "bad-value: the returned value must be a number, got '1.5' (str)"),
    objective("returns a word", 'return "abc"', "bad-value: the returned value must be a number, got 'abc' (str)"),
    objective("returns a list", "return [0.5]", "bad-value: the returned value must be a number, got [0.5] (list)"),
    objective("returns a complex number", "return 0.5 + 1j",
     "bad-value: the returned value must be a number, got (0.5+1j) (complex)"),
    objective("returns a number beyond floats", "return 10**400",
     "bad-value: the returned value must be a number, got "
     "10000000000000000000000000000000000000000000000000000000000000000000000000000... (int)"),
    objective("returns a number of 5,000 digits", "return 10**5000",
     "bad-value: the returned value must be a number, got a number with thousands of digits (int)"),
    objective("returns an array", "import numpy; return numpy.ones(3)",
     "bad-value: the returned value must be a number, got array([1., 1., 1.]) (ndarray)"),
    objective("returns a tensor of several", "import torch; return torch.ones(2, 2)",
     "bad-value: the returned value must be a number, got tensor([[1., 1.],\\n        [1., 1.]]) (Tensor)"),
    objective("returns an object", "return print",
     "bad-value: the returned value must be a number, got <built-in function print> "
     "(builtin_function_or_method)"),
    objective("returns NaN", 'return float("nan")',
     "missing-metric: metric 'loss' was never reported nor returned; seen: value (a bare number is the metric "
     "'value'); return {'loss': number}"),
    objective("returns infinity", 'return -float("inf")',
     "missing-metric: metric 'loss' was never reported nor returned; seen: value (a bare number is the metric "
     "'value'); return {'loss': number}"),
    objective("returns other metrics", 'return {"acc": 0.5, "f1": 0.4}',
     "missing-metric: metric 'loss' was never reported nor returned; seen: acc, f1; return {'loss': number}"),
    objective("returns almost the metric", 'return {"los": 0.5}',
     "missing-metric: metric 'loss' was never reported nor returned; seen: los; did you mean 'los'?"),
    objective("returns a metric that is text", 'return {"loss": "low"}',
     "bad-value: metric 'loss' must be a number, got 'low' (str)"),
    objective("returns a metric without a name", 'return {"loss": 0.5, "": 1.0}',
     "bad-value: a metric's name must be 1 to 250 printable characters, got ''"),
    objective("returns a coroutine", "async def f(): ...\n    return 1",
     "missing-metric: metric 'loss' was never reported nor returned; seen: value (a bare number is the metric "
     "'value'); return {'loss': number}"),
    objective("reports text", 'trial.report(1, loss="low")',
     "bad-value: metric 'loss' must be a number, got 'low' (str)"),
    objective("reports nothing", "trial.report(1, loss=None)",
     "bad-value: metric 'loss' must be a number, got None (NoneType)"),
    objective("reports at step zero", "trial.report(0, loss=0.5)",
     "bad-value: step must be a whole number above 0, the last one, and below 2^63, got 0"),
    objective("reports at a negative step", "trial.report(-1, loss=0.5)",
     "bad-value: step must be a whole number above 0, the last one, and below 2^63, got -1"),
    objective("reports at half a step", "trial.report(1.5, loss=0.5)",
     "bad-value: step must be a whole number above 0, the last one, and below 2^63, got 1.5"),
    objective("reports at a step in words", 'trial.report("1", loss=0.5)',
     "bad-value: step must be a whole number above 0, the last one, and below 2^63, got '1'"),
    objective("reports a step twice", "trial.report(1, loss=0.5); trial.report(1, loss=0.4)",
     "bad-value: step must be a whole number above 1, the last one, and below 2^63, got 1"),
    objective("reports an earlier step", "trial.report(2, loss=0.5); trial.report(1, loss=0.4)",
     "bad-value: step must be a whole number above 2, the last one, and below 2^63, got 1"),
    objective("reports a step that no database holds", "trial.report(2**63, loss=0.5)",
     "bad-value: step must be a whole number above 0, the last one, and below 2^63, got 9223372036854775808"),
    objective("reports without a step", "trial.report(loss=0.5)",
     "raised: TypeError: Trial.report() missing 1 required positional argument: 'step'. See "
     "{here}/automl_runs/objective-1/trials/2/log"),
    objective("asks for a parameter that is not there", 'return trial.params["learning_rate"]',
     "raised: KeyError: 'learning_rate'. See {here}/automl_runs/objective-1/trials/2/log"),
    objective("raises", 'raise ValueError("no data\\nat all")',
     "raised: ValueError: no data\\nat all. See {here}/automl_runs/objective-1/trials/2/log"),
    objective("raises without a word", "raise KeyError",
     "raised: KeyError. See {here}/automl_runs/objective-1/trials/2/log"),
    objective("exits", "raise SystemExit(3)", "exit: the objective called sys.exit(3)"),
    objective("runs out of memory", "raise MemoryError",
     "oom: MemoryError. See {here}/automl_runs/objective-1/trials/2/log"),
    objective("imports what is not there", "import nowhere",
     "raised: ModuleNotFoundError: No module named 'nowhere'. See {here}/automl_runs/objective-1/trials/2/log"),
    objective("keeps a file under a path", 'open("a", "w").close(); trial.artifact("a", "../../a")',
     "raised: ValueError: artifact name must be made of letters, digits, '.', '_', '-' and '/', got '../../a'. "
     "See {here}/automl_runs/objective-1/trials/2/log"),
    objective("keeps a file that is not there", 'trial.artifact("nowhere.png")',
     "raised: FileNotFoundError: [Errno 2] No such file or directory: 'nowhere.png'. See "
     "{here}/automl_runs/objective-1/trials/2/log"),
]
