"""Alembic's entry: `database.upgrade` hands over an open connection, so there is no ini file and no second URL."""

from __future__ import annotations

from alembic import context

from automl.ledger import schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
    version_table=schema.VERSION_TABLE,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
