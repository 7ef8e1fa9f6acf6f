"""Addresses that their holder wrote without a proof; files of a Drive folder are shared by the searches of it.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("email_by_holder", sa.Boolean(), server_default="false", nullable=False))

    op.add_column("drive_searches", sa.Column("folder_name", sa.String(length=1000), nullable=True))
    op.add_column("drive_searches", sa.Column("truncated", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("drive_searches", sa.Column("fruitless_attempts", sa.Integer(), server_default="0", nullable=False))
    op.create_index("ix_drive_searches_folder_id", "drive_searches", ["folder_id"], unique=False)

    # What was kept for each person cannot be told apart by model; the next search looks at it again.
    op.execute("DELETE FROM drive_files")
    op.drop_constraint("uq_drive_files_user_id_folder_id_file_id", "drive_files", type_="unique")
    for column in ("user_id", "view_url", "thumbnail_url"):
        op.drop_column("drive_files", column)
    op.alter_column("drive_files", "model", existing_type=sa.String(length=100), nullable=False)
    op.add_column("drive_files", sa.Column("resource_key", sa.String(length=200), nullable=True))
    op.add_column("drive_files", sa.Column("attempts", sa.Integer(), server_default="0", nullable=False))
    op.create_unique_constraint(
        op.f("uq_drive_files_folder_id_file_id_version_model"),
        "drive_files",
        ["folder_id", "file_id", "version", "model"],
    )
    op.create_table(
        "drive_search_files",
        sa.Column("search_id", sa.BigInteger(), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["search_id"],
            ["drive_searches.id"],
            name=op.f("fk_drive_search_files_search_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["file_id"], ["drive_files.id"], name=op.f("fk_drive_search_files_file_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("search_id", "file_id", name=op.f("pk_drive_search_files")),
    )
    op.create_index("ix_drive_search_files_file_id", "drive_search_files", ["file_id"], unique=False)


def downgrade() -> None:
    op.drop_table("drive_search_files")
    op.execute("DELETE FROM drive_files")
    op.drop_constraint("uq_drive_files_folder_id_file_id_version_model", "drive_files", type_="unique")
    op.drop_column("drive_files", "attempts")
    op.drop_column("drive_files", "resource_key")
    op.alter_column("drive_files", "model", existing_type=sa.String(length=100), nullable=True)
    op.add_column("drive_files", sa.Column("thumbnail_url", sa.String(length=2000), nullable=True))
    op.add_column("drive_files", sa.Column("view_url", sa.String(length=2000), nullable=True))
    op.add_column("drive_files", sa.Column("user_id", sa.BigInteger(), nullable=False))
    op.create_foreign_key(
        op.f("fk_drive_files_user_id"), "drive_files", "users", ["user_id"], ["id"], ondelete="CASCADE"
    )
    op.create_unique_constraint(
        op.f("uq_drive_files_user_id_folder_id_file_id"), "drive_files", ["user_id", "folder_id", "file_id"]
    )
    op.drop_index("ix_drive_searches_folder_id", table_name="drive_searches")
    for column in ("fruitless_attempts", "truncated", "folder_name"):
        op.drop_column("drive_searches", column)
    op.drop_column("users", "email_by_holder")
