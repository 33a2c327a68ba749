"""The one-line grammar: a distribution, and when it exists, as people type them on a command line.

1e-5..1e-1 log          Float on a log scale; 1.0..6 is a Float too, 1..6 an Int
16..256 step 16         Int, every 16th; 0.0..1.0 step 0.1 a Float
adam|sgd                Categorical; also true|false, 1|2|4, "two words"|"1e-5"; adam| has a single choice
16<32<128               Ordinal
small=[64]|big=[256,9]  Categorical of named values, any JSON; tiny=16<large=64 an Ordinal
=0.1                    Constant; a bare 0.1 or adam is one too
1..9 default 3          stands for the parameter where nobody chose; adam|sgd default sgd
1..9 prior 3 high       the optimum is believed to be there, with low, medium (the default) or high confidence
2..6 when arch=cnn      exists only then; when arch=cnn|mlp and norm=batch asks for both,
                        n=2..4, n>2, n<=4 for an interval, arch=mlp or arch=cnn and n>=2 for one of two

What people write for other libraries, such as loguniform(1e-5, 1e-1) or {adam, sgd}, is read too (`spellings`).

distribution, condition = parse_range("2..6 when arch=cnn")
format_range(distribution, condition) == "2..6 when arch=cnn"
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from search_spaces import spellings
from search_spaces.base import SPREADS
from search_spaces.conditions import Condition
from search_spaces.criteria import SIGNS, Criterion, interval_of, values_of
from search_spaces.distributions import Categorical, Constant, Distribution, Float, Int, Ordinal
from search_spaces.errors import SearchSpaceError, did_you_mean
from search_spaces.rules import choices_problems
from search_spaces.scalars import RESERVED_WORDS, SUFFIXES, WORD, Scalar, bare, number, shown

_TOKEN = re.compile(
    rf"""\s*(?: (?P<quoted> "(?:[^"\\]|\\.)*" ) | (?P<mark> \.{{2,}} | [<>]=? | [|=] )
              | (?P<word> {WORD.pattern} ) )""",
    re.VERBOSE,
)
_JSON = re.compile(r"\s*[\[{]")
# What is in a text shows what it was meant to be; the first that fits is the example.
_EXAMPLES = {
    "when": "2..6 when arch=cnn|mlp",
    "step": "16..256 step 16",
    "..": "1e-5..1e-1 log",
    "|": "adam|sgd",
    "<": "16<32<128",
    "=": "=0.1",
    "": '"1e-5..1e-1 log" or "adam|sgd"',
}


class _Token(NamedTuple):
    """A word, a quoted text (with its quotes), JSON, or one of `..`, `|`, `=`, `<`, `<=`, `>` and `>=`."""

    kind: str
    text: str


_NOTHING = _Token("mark", "nothing")
_UNNAMED = object()


def parse_range(text: str) -> tuple[Distribution, Condition | None]:
    """Read one line of the grammar.

    Raises:
        SearchSpaceError: naming the text, what was expected and an example.
    """
    if not isinstance(text, str):
        raise SearchSpaceError(f"a range must be text such as {_EXAMPLES['']}, got {shown(text)}")
    try:
        head, condition = _split_condition(_tokens(spellings.translated(text)))
        return _distribution(head), condition
    except SearchSpaceError as error:
        example = next(example for sign, example in _EXAMPLES.items() if sign in text)
        raise _unreadable(text, error, example) from None


def parse_condition(text: str) -> Condition:
    """Read what stands after `when`, such as `arch=cnn|mlp and norm=batch`.

    Raises:
        SearchSpaceError: naming the text, what was expected and an example.
    """
    try:
        return _condition(_tokens(text))
    except SearchSpaceError as error:
        raise _unreadable(text, error, "arch=cnn|mlp and norm=batch") from None


def format_range(distribution: Distribution, condition: Condition | None = None) -> str:
    """Return the line that `parse_range` reads as exactly these."""
    return f"{distribution} when {condition}" if condition else str(distribution)


def _unreadable(text: str, error: SearchSpaceError, example: str) -> SearchSpaceError:
    return SearchSpaceError(f"cannot read {shown(text)}: {'; '.join(error.problems)}; an example: {example}")


def _tokens(text: str) -> list[_Token]:
    tokens = []
    end = len(text.rstrip())
    position = 0
    while position < end:
        if _JSON.match(text, position):
            token, position = _json_token(text, position)
            tokens.append(token)
            continue
        match = _TOKEN.match(text, position, end)
        if match is None:
            rest = text[position:].strip()
            raise SearchSpaceError(
                f"cannot go on at {shown(rest)}; put text with other signs than . _ / + - in double quotes"
            )
        kind = str(match.lastgroup)
        tokens.append(_Token(kind, match[kind]))
        position = match.end()
    return tokens


def _json_token(text: str, position: int) -> tuple[_Token, int]:
    """Read a JSON list or mapping, and say where it ends."""
    rest = text[position:].lstrip()
    try:
        _, length = json.JSONDecoder().raw_decode(rest)
    except (ValueError, RecursionError):
        raise SearchSpaceError(f"cannot go on at {shown(rest)}, which is neither list nor mapping in JSON") from None
    return _Token("json", rest[:length]), len(text) - len(rest) + length


def _split_condition(tokens: list[_Token]) -> tuple[list[_Token], Condition | None]:
    if _Token("word", "when") not in tokens:
        return tokens, None
    at = tokens.index(_Token("word", "when"))
    return tokens[:at], _condition(tokens[at + 1 :])


def _distribution(tokens: list[_Token]) -> Distribution:
    texts = [token.text for token in tokens]
    if not tokens:
        raise SearchSpaceError("there is no range")
    if texts[0] == "=":
        if len(tokens) != 2:
            raise SearchSpaceError("a constant is '=' and one value")
        return Constant(_value(tokens[1]))
    if len(tokens) > 1 and texts[1].startswith(".."):
        return _range(tokens)
    if len(tokens) == 1:
        return Constant(_value(tokens[0]))
    return _choices(tokens)


def _range(tokens: list[_Token]) -> Float | Int:
    low, dots, *rest = tokens
    if dots.text != ".." or not rest:
        raise SearchSpaceError("a range is low..high")
    ends: list[Any] = [_number(low, "low"), _number(rest[0], "high")]
    kind = Int if all(isinstance(end, int) for end in ends) else Float
    return kind(*ends, **_suffixes(rest[1:], ("log", "step", "default", "prior"), after="low..high"))


def _suffixes(tokens: list[_Token], words: Collection[str], *, after: str) -> dict[str, Any]:
    """Read what may follow a range or choices, in any order, as fields of the distribution."""
    found: dict[str, Any] = {}
    rest = iter(tokens)
    token = next(rest, None)
    while token is not None:
        word = token.text
        if token.kind != "word" or word not in words or word in found:
            near = did_you_mean(word, (*words, "when"))
            raise SearchSpaceError(f"after {after} comes {', '.join(words)} or when, got {shown(word)}{near}")
        if word == "log":
            found["log"] = True
        elif word == "step":
            found["step"] = _number(next(rest, _NOTHING), "step")
        else:
            found[word] = _value(next(rest, _NOTHING))
        token = next(rest, None)
        if word == "prior" and token is not None and token.text in SPREADS:
            found["confidence"] = token.text
            token = next(rest, None)
    return found


def _choices(tokens: list[_Token]) -> Categorical | Ordinal:
    given: list[tuple[Scalar, Any]] = []
    marks: list[str] = []
    at = 0
    while len(given) == len(marks):
        if at == len(tokens):
            raise SearchSpaceError(f"expected a value after {marks[-1]!r}")
        item, at = _choice(tokens, at)
        given.append(item)
        if at < len(tokens) and tokens[at].kind == "mark":
            marks.append(tokens[at].text)
            at += 1
            if marks == ["|"] and (at == len(tokens) or _begins_suffix(tokens[at:])):
                break  # `adam|`, a single choice
    rest = tokens[at:]
    if not marks or not {"|", "<"}.issuperset(marks):
        seen = next((mark for mark in marks if mark not in "|<"), rest[0].text if rest else "a single name=value")
        raise SearchSpaceError(f"expected '|' between values, got {shown(seen)}")
    if len(set(marks)) > 1:
        raise SearchSpaceError("'|' and '<' cannot be mixed: values have an order or have none")
    names = [name for name, _ in given]
    fields = _suffixes(rest, ("default", "prior"), after="values")
    kind = Ordinal if "<" in marks else Categorical
    if all(value is _UNNAMED for _, value in given):
        return kind(names, **fields)
    if any(value is _UNNAMED for _, value in given):
        raise SearchSpaceError("give every value a name, as in small=16|large=64, or none")
    if problems := choices_problems(names):
        raise SearchSpaceError(problems)
    return kind({str(name): value for name, value in given}, **fields)


def _choice(tokens: list[_Token], at: int) -> tuple[tuple[Scalar, Any], int]:
    """Read a value, or name=value, and return where what follows it stands."""
    name, *rest = tokens[at : at + 3]
    if not rest or rest[0] != _Token("mark", "="):
        return (_value(name), _UNNAMED), at + 1
    value = rest[1] if len(rest) > 1 else _NOTHING
    return (_value(name), json.loads(value.text) if value.kind == "json" else _value(value)), at + 1 + len(rest)


def _begins_suffix(tokens: list[_Token]) -> bool:
    """Say whether these are `default` or `prior` with a value, rather than choices that are called so."""
    return tokens[0].kind == "word" and tokens[0].text in SUFFIXES and len(tokens) > 1 and tokens[1].kind != "mark"


def _number(token: _Token, what: str) -> float:
    value = number(token.text) if token.kind == "word" else None
    if value is None:
        raise SearchSpaceError(f"{what} must be a number, got {shown(token.text)}")
    return value


def _value(token: _Token) -> Scalar:
    if token.kind == "quoted":
        try:
            return str(json.loads(token.text))
        except ValueError:
            raise SearchSpaceError(f"{token.text} is not a text as JSON writes it") from None
    if token == _NOTHING:
        raise SearchSpaceError("expected a value, got nothing")
    if token.kind == "json":
        raise SearchSpaceError(f"give the value a name: name={token.text}")
    if token.kind == "mark" or token.text in RESERVED_WORDS:
        raise SearchSpaceError(f"expected a value, got {shown(token.text)}; as text it needs double quotes")
    return bare(token.text)


def _alternatives(tokens: list[_Token]) -> list[Scalar]:
    """Read value | value | ..."""
    for mark in tokens[1::2]:
        if mark != _Token("mark", "|"):
            raise SearchSpaceError(f"expected '|' between values, got {shown(mark.text)}")
    if len(tokens) % 2 == 0:
        raise SearchSpaceError("expected a value after '|'" if tokens else "expected a value")
    return [_value(token) for token in tokens[::2]]


def _condition(tokens: list[_Token]) -> Condition:
    """Read asked and asked ... or asked and asked ..., where `and` binds tighter."""
    return Condition.any_of(map(_asked, _parts(alternative, "and")) for alternative in _parts(tokens, "or"))


def _asked(tokens: list[_Token]) -> tuple[str, Criterion]:
    """Read name=value|value, name=low..high or name>=low."""
    if len(tokens) < 3 or tokens[0].kind == "mark" or tokens[1].text not in ("=", *SIGNS):
        raise SearchSpaceError("after when comes name=value, name=low..high or name>=low")
    name, sign, rest = _name(tokens[0]), tokens[1].text, tokens[2:]
    try:
        if sign != "=":
            if len(rest) > 1:
                raise SearchSpaceError(f"expected one number after {sign}, got {shown(rest[1].text)} behind it")
            return name, interval_of({sign: _number(rest[0], sign)})
        if len(rest) == 3 and rest[1].text == "..":
            return name, interval_of({">=": _number(rest[0], "low"), "<=": _number(rest[2], "high")})
        return name, values_of(_alternatives(rest))
    except SearchSpaceError as error:
        raise SearchSpaceError(f"when {name}: {problem}" for problem in error.problems) from None


def _name(token: _Token) -> str:
    return str(_value(token)) if token.kind == "quoted" else token.text


def _parts(tokens: list[_Token], word: str) -> Iterator[list[_Token]]:
    """Part the tokens at `word`."""
    start = 0
    for end, token in enumerate([*tokens, _Token("word", word)]):
        if token == _Token("word", word):
            yield tokens[start:end]
            start = end + 1
