"""A space shows itself as a table of the library Rich."""

from __future__ import annotations

import io

from rich.console import Console

from search_spaces import SearchSpace


def _shown(space: SearchSpace, *, width: int = 100) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(space)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def test_a_row_for_each_parameter_and_a_line_for_each_relation():
    """Name, kind, range, condition, and where it stands by default; brackets of named values are no markup."""
    space = SearchSpace(
        {
            "layers": "small=[64, 64]|big=[256]",
            "lr": "1e-5..1 log prior 1e-3 high",
            "n": "1..9 default 3 when layers=big",
            "seed": "=7",
        },
        require=["n * lr < 8"],
        forbid=[{"layers": "big", "n": 2}],
    )

    assert _shown(space) == [
        "name    kind         range                     when        default  prior",
        "layers  categorical  small=[64, 64]|big=[256]              small",
        "lr      float        1e-05..1 log                          0.001    0.001 high",
        "n       int          1..9                      layers=big  3",
        "seed    constant     =7                                    7",
        "require: n * lr < 8",
        "forbid: layers=big and n=2",
    ]


def test_columns_in_which_nothing_stands_are_left_out():
    """A space without conditions and priors has none of theirs."""
    assert _shown(SearchSpace({"x": "true|false"})) == [
        "name  kind         range       default",
        "x     categorical  true|false  true",
    ]


def test_a_space_of_nothing():
    """There is nothing to show, and that is no error."""
    assert "".join(_shown(SearchSpace())) == ""


def test_a_narrow_screen_folds_ranges():
    """Names and defaults stay whole, and nothing of a range is lost."""
    choices = "|".join(f"choice{k}" for k in range(10))

    _, first, *more = _shown(SearchSpace({"activation": choices}), width=60)

    name, kind, beginning, default = first.split()
    assert (name, kind, default) == ("activation", "categorical", "choice0")
    assert "".join([beginning, *map(str.strip, more)]) == choices
