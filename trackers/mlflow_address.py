"""Whether an address can be MLflow's, and whether anybody answers there: told at once, without loading MLflow.

address_problem("localhost:5000") == "'localhost:5000' has no scheme: write http://localhost:5000"
why_silent("http://127.0.0.1:9") == "Connection refused"

MLflow itself says neither before it was loaded, which takes seconds, and has tried for minutes.
"""

from __future__ import annotations

import base64
import difflib
import re
import urllib.error
import urllib.request
from http.client import HTTPException
from urllib.parse import unquote, urlsplit

_SERVERS = ("http", "https")
_SCHEMES = (*_SERVERS, "sqlite", "postgresql", "mysql", "mssql", "databricks", "databricks-uc")
"""https://mlflow.org/docs/latest/self-hosting/architecture/tracking-server/; stores in plain folders are no more."""


def address_problem(uri: str) -> str | None:
    """Say why `uri` cannot be the address of an MLflow server or store, and what to write; None when it can."""
    seen = repr(re.sub(r"(//[^/@:]*):[^/@]*@", r"\1:...@", uri))
    scheme, has_scheme, rest = uri.partition("://")
    if not has_scheme:
        if uri in _SCHEMES[-2:]:
            return None
        is_file = uri.endswith((".db", ".sqlite")) or "/" in uri.partition(":")[0]
        return f"{seen} has no scheme: write {'sqlite:///' if is_file else 'http://'}{uri}"
    if scheme.partition("+")[0] not in _SCHEMES:
        near = difflib.get_close_matches(scheme, _SCHEMES, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"{seen} begins with {scheme}, expected one of {', '.join(_SCHEMES)}{hint}"
    if scheme in _SERVERS:
        try:
            parts = urlsplit(uri)
            is_there = bool(parts.hostname) and parts.port != 0
        except ValueError:  # a port that is no number, or beyond the last
            is_there = False
        if not is_there:
            return f"{seen} names no host and port: write such as {scheme}://localhost:5000"
    return None if rest else f"{seen} ends after the scheme: write such as sqlite:////data/mlflow.db"


def why_silent(uri: str, *, seconds: float = 2.0) -> str | None:
    """Say why a server at `uri` does not answer within `seconds`; None when it does, or when it is no server."""
    if not uri.startswith(("http://", "https://")):
        return None
    try:
        with urllib.request.urlopen(_request(f"{uri.rstrip('/')}/health"), timeout=seconds):
            return None
    except urllib.error.HTTPError as error:
        error.close()
        return f"it answers {error.code} {error.reason}"
    except (OSError, ValueError, HTTPException) as error:  # URLError, a timeout, TLS, what is no HTTP
        reason = getattr(error, "reason", error)
        return str(getattr(reason, "strerror", None) or reason or type(reason).__name__)


def _request(url: str) -> urllib.request.Request:
    """Return a request of `url`; user and password in it are a header, which urllib would take for host and port."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(parts._replace(netloc=host).geturl())
    if user:
        request.add_header("Authorization", f"Basic {base64.b64encode(unquote(user).encode()).decode()}")
    return request
