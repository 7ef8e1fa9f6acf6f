"""What a download holds and leaves out; who is how often on the photos of an event.

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("event_downloads", sa.Column("size", sa.String(length=10), server_default="original", nullable=False))
    op.add_column("event_downloads", sa.Column("left_out", sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "event_statistics",
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.String(length=100), nullable=True),
        sa.Column("changes", sa.BigInteger(), nullable=True),
        sa.Column("people", sa.Integer(), nullable=True),
        sa.Column("groups", postgresql.JSONB(), nullable=True),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("queue_job_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_event_statistics_event_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_event_statistics")),
    )


def downgrade() -> None:
    op.drop_table("event_statistics")
    for column in ("left_out", "size"):
        op.drop_column("event_downloads", column)
