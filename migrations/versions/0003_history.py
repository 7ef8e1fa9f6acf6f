"""What the breed and cough classifiers were asked, and what they answered.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create(
        "breed_history",
        sa.Column("is_dog", sa.Boolean(), nullable=True),
        sa.Column("top", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    )
    _create(
        "cough_history",
        sa.Column("raw_scores", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("segments", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    )


def _create(table: str, *own: sa.Column) -> None:
    op.create_table(
        table,
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("picture_key", sa.String(length=200), nullable=True),
        sa.Column("prediction", sa.String(length=200), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("processing_time_seconds", sa.Float(), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        *own,
        sa.CheckConstraint("confidence >= 0 and confidence <= 1", name=op.f(f"ck_{table}_confidence")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f(f"fk_{table}_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("picture_key", name=op.f(f"uq_{table}_picture_key")),
    )
    op.create_index(f"ix_{table}_user_id_id", table, ["user_id", "id"], unique=False)


def downgrade() -> None:
    op.drop_table("cough_history")
    op.drop_table("breed_history")
