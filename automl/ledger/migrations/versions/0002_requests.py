"""A column by which another process asks the driver of a study to stop."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; nobody has asked anything yet."""
    op.add_column("studies", sa.Column("request", sa.String(6)))
