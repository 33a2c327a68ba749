"""The tables of the ledger, made for plain SQL: no pickles, JSON only for what has no fixed shape.

    sqlite3 automl_runs/digits-1/ledger.db "SELECT number, state, value FROM trials ORDER BY value"

A study's `seq` counts the rows ever written or changed; each row carries the number it got last. Readers that remember
a seq (delivery, `status --watch`) ask for what is newer. `migrations/` holds the same tables as Alembic revisions;
a test compares the two. A value that is NaN is NULL: SQLite has no NaN, and PostgreSQL's would be above every number.
"""

from __future__ import annotations

import sqlalchemy as sa

HEAD = "0002"
"""The revision these tables are at. Writers bring every ledger to it; readers take an older one as it is, without the
columns that say they are there since a later one."""

VERSION_TABLE = "automl_alembic_version"

CONFIRMS = "confirms"
"""Kind of the event of a trial that runs another one again with another seed: {"of": n}. No trial of the search."""

metadata = sa.MetaData()

Step = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # there both have 64 bits

studies = sa.Table(
    "studies",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(200), nullable=False, unique=True),
    sa.Column("uid", sa.String(32), nullable=False, unique=True),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("config", sa.JSON, nullable=False),
    sa.Column("finished", sa.Boolean, nullable=False, default=False),
    sa.Column("result", sa.JSON),  # {"trial": n, "test": {...}}: the winner's test metrics, measured once
    sa.Column("seq", sa.BigInteger, nullable=False, default=0),
    sa.Column("epoch", sa.Integer, nullable=False, default=0),
    sa.Column("used", sa.Double, nullable=False, default=0.0),  # seconds that drivers before the present one held it
    # {"host", "boot", "pid", "started", "since"} of the driver, and for the next one: "searched" and "left" are flags,
    # "before" is [since, until] of the driver whose attempts are to be ended, and the seq when it was followed.
    sa.Column("owner", sa.JSON(none_as_null=True)),
    sa.Column("renewed", sa.DateTime(timezone=True)),  # by the database's clock
    sa.Column("request", sa.String(6), info={"since": "0002"}),  # "finish" or "now": somebody asks the driver to stop
)

trials = sa.Table(
    "trials",
    metadata,
    sa.Column("study_id", sa.ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("state", sa.String(8), nullable=False),
    sa.Column("params", sa.JSON, nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("value", sa.Double),  # of the study's metric, of COMPLETE trials
    sa.Column("values", sa.JSON(none_as_null=True)),  # every metric the objective returned
    sa.Column("reason", sa.String(20)),
    sa.Column("message", sa.Text),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("ended", sa.Double),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Index("ix_trials_seq", "study_id", "seq"),
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("study_id", sa.ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("trial", sa.Integer, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),  # from 1
    sa.Column("state", sa.String(8), nullable=False),
    sa.Column("start_step", Step, nullable=False),  # of the checkpoint it was allowed to go on from, or 0
    sa.Column("checkpoint", Step),  # newest step saved
    sa.Column("resources", sa.JSON, nullable=False),
    sa.Column("started", sa.Double, nullable=False),
    sa.Column("ended", sa.Double),
    sa.Column("reason", sa.String(20)),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Index("ix_attempts_seq", "study_id", "seq"),
)

metrics = sa.Table(
    "metrics",
    metadata,
    sa.Column("study_id", sa.ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("trial", sa.Integer, primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(250), primary_key=True),
    sa.Column("step", sa.BigInteger, primary_key=True),
    sa.Column("value", sa.Double),
    sa.Column("time", sa.Double, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Index("ix_metrics_seq", "study_id", "seq"),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("study_id", sa.ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True),
    sa.Column("time", sa.Double, nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("trial", sa.Integer),
    sa.Column("data", sa.JSON, nullable=False),
)
