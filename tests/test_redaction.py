"""Passwords and other secrets: found in texts, URLs and variables, and what only looks alike is left alone."""

from __future__ import annotations

import pytest

from automl.redaction import is_secret, redacted, without_password


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no route to postgresql://ada:s3cret@db:5432/x now", "no route to postgresql://ada:***@db:5432/x now"),
        ("postgresql+psycopg://ada:p@ss:w@db/x", "postgresql+psycopg://ada:***@db/x"),
        ("redis://:s3cret@host", "redis://:***@host"),
        ("clone https://ghp_abc123@github.com/a/b", "clone https://***@github.com/a/b"),
        ("postgresql://h/x?password=s3cret&sslmode=require", "postgresql://h/x?password=***&sslmode=require"),
        ("host=db password='s3cret' user=ada", "host=db password=*** user=ada"),
        ("write postgresql://USER:PASSWORD@HOST/DATABASE", "write postgresql://USER:PASSWORD@HOST/DATABASE"),
        ("http://localhost:5000/a@b and ada@example.org: 3:2", "http://localhost:5000/a@b and ada@example.org: 3:2"),
    ],
)
def test_redacted(text: str, shown: str) -> None:
    """The password of a URL is three asterisks; mail addresses, ports and paths with an @ stay."""
    assert redacted(text) == shown


@pytest.mark.parametrize(
    ("url", "usable"),
    [
        ("postgresql://ada:p%40ss@db:5432/x?sslmode=require", "postgresql://ada@db:5432/x?sslmode=require"),
        ("postgresql://db/x?user=ada&password=s3cret", "postgresql://db/x?user=ada"),
        ("https://ada:s3cret@[::1]:5000/mlflow", "https://ada@[::1]:5000/mlflow"),
        ("sqlite:////tmp/a b?.db", "sqlite:////tmp/a b?.db"),
        ("http://[::1", "http://[::1"),
        ("databricks", "databricks"),
    ],
)
def test_without_password(url: str, usable: str) -> None:
    """What is left of a URL is one that can be used where the password comes from elsewhere."""
    assert without_password(url) == usable


@pytest.mark.parametrize(
    "name",
    [
        *("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "HF_TOKEN", "WANDB_API_KEY", "PGPASSWORD"),
        *("MYSQL_PWD", "GOOGLE_APPLICATION_CREDENTIALS", "github_token", "DB_PASS", "SSH_PRIVATE_KEY", "MY_APIKEY"),
        *("CLIENTSECRET", "AZURE_STORAGE_ACCOUNT_KEY", "MLFLOW_TRACKING_PASSWORD"),
    ],
)
def test_secrets_by_name(name: str) -> None:
    """Words that secrets are called by."""
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "TOKENIZERS_PARALLELISM",
            "PATH",
            "PWD",
            "OLDPWD",
            "HOME",
            "KEYBOARD",
            "MAX_TOKENS",
            "COMPASS",
            "SSH_ASKPASS",
        ),
        *("PYTHONHASHSEED", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "MONKEY", "XDG_SESSION_ID", "SSH_AUTH_SOCK"),
    ],
)
def test_what_only_looks_alike(name: str) -> None:
    """Words that merely contain them are no secrets."""
    assert not is_secret(name, "1")


def test_secrets_by_value() -> None:
    """A URL with a password is one under any name."""
    assert is_secret("DATABASE_URL", "postgresql://ada:s3cret@db/x")
    assert not is_secret("DATABASE_URL", "postgresql://ada@db/x")
