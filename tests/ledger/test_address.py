"""What may follow --storage, and that no password is ever shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from automl.errors import ConfigError
from automl.ledger import address

SECRET = "canary"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("foo", "storage 'foo': this is no URL; write postgresql://"),
        ("", "storage '': this is no URL"),
        (f"postgres://ada:{SECRET}@db/x", r"storage 'postgres://\*\*\*@db/x': write postgresql://, not postgres://"),
        ("mysql://ada@db/x", "only SQLite, and PostgreSQL by psycopg 3"),
        ("postgresql+psycopg2://db/x", "only SQLite, and PostgreSQL by psycopg 3"),
        (f"postgresql://ada:{SECRET}@db:port/x", "is the port a number?"),
        (f"postgresql://ada:5@12:{SECRET}@db/x", "@db/x': this cannot be read"),
        (f"postgresql://ada:p@{SECRET}@db/x", "'@' in the user's name or password is written %40"),
        ("postgresql://db:99999/x", "a port is a number from 1 to 65535, got 99999"),
        ("sqlite://", "studies in memory would be lost"),
        ("sqlite:///:memory:", "studies in memory would be lost"),
        ("sqlite://runs/x.db", "an absolute one four"),
        ("sqlite+aiosqlite:///x.db", "only Python's own driver"),
    ],
)
def test_what_is_no_address_is_said_without_the_password(url: str, said: str) -> None:
    """One line with what was given, as far as it may be shown, and what to write."""
    with pytest.raises(ConfigError, match=said) as caught:
        address.parse(url)

    assert len(caught.value.problems) == 1
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"postgresql://ada:{SECRET}@db/x", "postgresql://ada@db/x"),
        (f"postgresql+psycopg://ada:{SECRET}%40%2F@db:5432/x", "postgresql://ada@db:5432/x"),
        (f"postgresql://ada:{{{SECRET}}}/%@db/x", "postgresql://ada@db/x"),
        (
            f"postgresql://db/x?password={SECRET}&sslpassword={SECRET}&sslmode=require",
            "postgresql://db/x?sslmode=require",
        ),
        ("postgresql:///x?host=/run/postgresql", "postgresql:///x?host=%2Frun%2Fpostgresql"),
        ("sqlite:////runs/a.db", "sqlite:////runs/a.db"),
    ],
)
def test_what_is_shown_leads_back(url: str, shown: str) -> None:
    """It has everything but passwords, and is a URL itself."""
    assert address.shown(url) == shown
    assert address.shown(shown) == shown


def test_what_cannot_be_parsed_is_masked() -> None:
    """Whatever may be a password is left out, wherever it stands."""
    masked = address.masked(f"postgres://ada:{SECRET}@{SECRET}@db/x?password={SECRET}&sslmode=require")

    assert masked == "postgres://***@db/x?password=***&sslmode=require"


def test_a_file_is_where_the_command_was_typed(tmp_path: Path) -> None:
    """A relative path is made absolute, since a study is resumed from elsewhere."""
    assert address.storage("sqlite:///all.db") == f"sqlite:///{tmp_path}/all.db"


def test_a_file_that_cannot_hold_studies_is_refused(tmp_path: Path) -> None:
    """A folder, a file in no folder, and a file of something else."""
    (tmp_path / "notes.txt").write_text("no database")

    for name, said in (("", "is a folder"), ("none/x.db", "there is no folder"), ("notes.txt", "no SQLite database")):
        with pytest.raises(ConfigError, match=said):
            address.storage(f"sqlite:///{tmp_path}/{name}")
