"""What must not be seen: passwords in URLs, and variables of the environment that look like secrets.

    redacted("no route to postgresql://ada:s3cret@db/automl")   # "no route to postgresql://ada:***@db/automl"
    without_password("postgresql://ada:s3cret@db/automl")       # "postgresql://ada@db/automl"
    is_secret("AWS_SECRET_ACCESS_KEY", "...")                   # True
    is_secret("TOKENIZERS_PARALLELISM", "false")                # False

Whatever is stored, logged or sent of a text that others wrote passes `redacted` first. A name is judged by its words,
so that what only looks alike passes.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

_USERINFO = re.compile(r"(://[^\s/:@]*):(?!PASSWORD@)[^\s/]*@")  # our own hints say USER:PASSWORD@HOST
_TOKEN = re.compile(r"(\bhttps?://)[^\s/:@]+@")  # a user alone, as in https://ghp_...@github.com, is a token
_IN_QUERY = re.compile(r"\b((?:ssl)?password|passwd)=(?:'[^']*'|\"[^\"]*\"|[^\s&;,'\")]+)", re.IGNORECASE)

_WORDS = re.compile(r"(?:^|_)(?:TOKEN|PASS|PASSPHRASE|APIKEY|CREDENTIALS?)(?:_|$)|[^_]_PWD$")
_ANYWHERE = ("PASSWORD", "PASSWD", "SECRET")  # PGPASSWORD, CLIENTSECRET
_KEYS = re.compile(r"(?:^|_)(?:API|ACCESS|PRIVATE|SECRET|ENCRYPTION|SIGNING|MASTER|ACCOUNT)_KEY(?:_|$)")


def redacted(text: str) -> str:
    """Return `text` with three asterisks for whatever in it is the password of a URL."""
    text = _TOKEN.sub(r"\1***@", _USERINFO.sub(r"\1:***@", text))
    return _IN_QUERY.sub(r"\1=***", text)


def without_password(text: str) -> str:
    """Return `text` without the password in it, if it is a URL with one: what is left can be used."""
    try:
        url = urlsplit(text)
        has_one = bool(url.scheme and url.password)
    except ValueError:
        return redacted(text)
    if has_one:
        user, _, host = url.netloc.rpartition("@")
        url = url._replace(netloc=f"{user.partition(':')[0]}@{host}")
    kept = [part for part in url.query.split("&") if not _IN_QUERY.match(part)]
    if not has_one and "&".join(kept) == url.query:
        return text
    return urlunsplit(url._replace(query="&".join(kept)))


def is_secret(name: str, value: str = "") -> bool:
    """Say whether a variable of the environment looks like a secret, by the words of its name or by its value."""
    upper = name.upper().replace("-", "_")
    is_named_so = any(word in upper for word in _ANYWHERE) or bool(_WORDS.search(upper) or _KEYS.search(upper))
    return is_named_so or _USERINFO.search(value) is not None
