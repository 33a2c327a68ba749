"""The tables of the first version: studies, trials, attempts, metrics, events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_STEP = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _study() -> sa.Column[int]:
    return sa.Column("study_id", sa.Integer, sa.ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True)


def upgrade() -> None:
    """Create the tables in an empty database."""
    op.create_table(
        "studies",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(200), nullable=False, unique=True),
        sa.Column("uid", sa.String(32), nullable=False, unique=True),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("config", sa.JSON, nullable=False),
        sa.Column("finished", sa.Boolean, nullable=False),
        sa.Column("result", sa.JSON),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("used", sa.Double, nullable=False),
        sa.Column("owner", sa.JSON),
        sa.Column("renewed", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "trials",
        _study(),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("params", sa.JSON, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("value", sa.Double),
        sa.Column("values", sa.JSON),
        sa.Column("reason", sa.String(20)),
        sa.Column("message", sa.Text),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("ended", sa.Double),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "attempts",
        _study(),
        sa.Column("trial", sa.Integer, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("start_step", _STEP, nullable=False),
        sa.Column("checkpoint", _STEP),
        sa.Column("resources", sa.JSON, nullable=False),
        sa.Column("started", sa.Double, nullable=False),
        sa.Column("ended", sa.Double),
        sa.Column("reason", sa.String(20)),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "metrics",
        _study(),
        sa.Column("trial", sa.Integer, primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(250), primary_key=True),
        sa.Column("step", sa.BigInteger, primary_key=True),
        sa.Column("value", sa.Double),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "events",
        _study(),
        sa.Column("seq", sa.BigInteger, primary_key=True),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("trial", sa.Integer),
        sa.Column("data", sa.JSON, nullable=False),
    )
    for table in ("trials", "attempts", "metrics"):
        op.create_index(f"ix_{table}_seq", table, ["study_id", "seq"])
