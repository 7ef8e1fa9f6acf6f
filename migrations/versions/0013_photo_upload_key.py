"""What a client named an upload, by which a repeated one is known.

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("photos", sa.Column("idempotency_key", sa.String(length=255), nullable=True))
    op.add_column("photos", sa.Column("upload_sha256", sa.String(length=64), nullable=True))
    op.create_unique_constraint(
        op.f("uq_photos_user_id_idempotency_key"), "photos", ["user_id", "idempotency_key"]
    )


def downgrade() -> None:
    op.drop_constraint("uq_photos_user_id_idempotency_key", "photos", type_="unique")
    op.drop_column("photos", "upload_sha256")
    op.drop_column("photos", "idempotency_key")
