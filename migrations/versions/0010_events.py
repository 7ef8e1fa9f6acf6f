"""Events: photos to be found by a face. With selfies, bookmarks, downloads, Drive searches and sign-ins elsewhere.

Revision ID: 0010
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import Vector
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0003"
branch_labels = None
depends_on = None

#: Keeps events.changes, by which a copy of an event's faces in memory knows that it is outdated.
COUNT_CHANGES = """
CREATE FUNCTION kenali_count_event_faces() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE events SET changes = changes + 1 WHERE id IN (SELECT DISTINCT event_id FROM changed);
    RETURN NULL;
END $$;
CREATE TRIGGER kenali_event_faces_added AFTER INSERT ON event_faces
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION kenali_count_event_faces();
CREATE TRIGGER kenali_event_faces_changed AFTER UPDATE ON event_faces
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION kenali_count_event_faces();
CREATE TRIGGER kenali_event_faces_removed AFTER DELETE ON event_faces
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION kenali_count_event_faces();
"""


def upgrade() -> None:
    op.create_table(
        "drive_files",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("folder_id", sa.String(length=200), nullable=False),
        sa.Column("file_id", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=1000), nullable=False),
        sa.Column("version", sa.String(length=100), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("view_url", sa.String(length=2000), nullable=True),
        sa.Column("thumbnail_url", sa.String(length=2000), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("failure", sa.String(length=60), nullable=True),
        sa.Column("model", sa.String(length=100), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("analysed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('listed', 'analysed', 'skipped')", name=op.f("ck_drive_files_state")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_drive_files_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drive_files")),
        sa.UniqueConstraint("user_id", "folder_id", "file_id", name=op.f("uq_drive_files_user_id_folder_id_file_id")),
    )
    op.create_table(
        "drive_searches",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("drive_url", sa.String(length=2000), nullable=False),
        sa.Column("folder_id", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("error_code", sa.String(length=60), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("pending", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("listed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("analysed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("model", sa.String(length=100), nullable=True),
        sa.Column("probe", Vector(512), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("queue_job_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('processing', 'completed', 'failed')", name=op.f("ck_drive_searches_state")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_drive_searches_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drive_searches")),
    )
    op.create_index("ix_drive_searches_user_id_id", "drive_searches", ["user_id", "id"], unique=False)
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("date", sa.Date(), nullable=True),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("share_code", sa.String(length=20), nullable=False),
        sa.Column("access_generation", sa.Integer(), server_default="1", nullable=False),
        sa.Column("changes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_events_owner_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("share_code", name=op.f("uq_events_share_code")),
    )
    op.create_index("ix_events_owner_id", "events", ["owner_id"], unique=False)
    op.create_table(
        "identities",
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_identities_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("provider", "subject", name=op.f("pk_identities")),
        sa.UniqueConstraint("user_id", "provider", name=op.f("uq_identities_user_id_provider")),
    )
    op.create_table(
        "selfies",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("storage_key", sa.String(length=200), nullable=False),
        sa.Column("model", sa.String(length=100), nullable=False),
        sa.Column("embedding", Vector(512), nullable=False),
        sa.Column("quality", sa.Float(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("abs(vector_norm(embedding) - 1) < 1e-3", name=op.f("ck_selfies_unit_length")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_selfies_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_selfies")),
        sa.UniqueConstraint("storage_key", name=op.f("uq_selfies_storage_key")),
    )
    op.create_table(
        "drive_faces",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.String(length=100), nullable=False),
        sa.Column("embedding", Vector(512), nullable=False),
        sa.Column("x", sa.Float(), nullable=False),
        sa.Column("y", sa.Float(), nullable=False),
        sa.Column("w", sa.Float(), nullable=False),
        sa.Column("h", sa.Float(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("quality", sa.Float(), nullable=False),
        sa.CheckConstraint("abs(vector_norm(embedding) - 1) < 1e-3", name=op.f("ck_drive_faces_unit_length")),
        sa.ForeignKeyConstraint(
            ["file_id"], ["drive_files.id"], name=op.f("fk_drive_faces_file_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drive_faces")),
    )
    op.create_index("ix_drive_faces_file_id", "drive_faces", ["file_id"], unique=False)
    op.create_table(
        "event_downloads",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("image_ids", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("failure", sa.String(length=60), nullable=True),
        sa.Column("storage_key", sa.String(length=200), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("queue_job_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('queued', 'running', 'ready', 'failed')", name=op.f("ck_event_downloads_state")),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_event_downloads_event_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_event_downloads_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_downloads")),
        sa.UniqueConstraint("storage_key", name=op.f("uq_event_downloads_storage_key")),
    )
    op.create_index("ix_event_downloads_event_id", "event_downloads", ["event_id"], unique=False)
    op.create_index("ix_event_downloads_expires_at", "event_downloads", ["expires_at"], unique=False)
    op.create_index("ix_event_downloads_user_id", "event_downloads", ["user_id"], unique=False)
    op.create_table(
        "event_images",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("storage_key", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=4), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("failure", sa.String(length=60), nullable=True),
        sa.Column("faces", sa.Integer(), server_default="0", nullable=False),
        sa.Column("model", sa.String(length=100), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("queue_job_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("indexed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'failed') = (failure is not null)", name=op.f("ck_event_images_failure")),
        sa.CheckConstraint("state in ('queued', 'indexed', 'failed')", name=op.f("ck_event_images_state")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_event_images_event_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_images")),
        sa.UniqueConstraint("event_id", "sha256", name=op.f("uq_event_images_event_id_sha256")),
        sa.UniqueConstraint("storage_key", name=op.f("uq_event_images_storage_key")),
    )
    op.create_index(
        "ix_event_images_event_id_created_at", "event_images", ["event_id", "created_at", "id"], unique=False
    )
    op.create_index(
        "ix_event_images_queued", "event_images", ["id"], unique=False, postgresql_where=sa.text("state = 'queued'")
    )
    op.create_table(
        "event_visits",
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("last_opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("previous_opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hidden", sa.Boolean(), server_default="false", nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_event_visits_event_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_event_visits_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("event_id", "user_id", name=op.f("pk_event_visits")),
    )
    op.create_index(
        "ix_event_visits_user_id_last_opened_at", "event_visits", ["user_id", "last_opened_at"], unique=False
    )
    op.create_table(
        "bookmarks",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("image_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["image_id"], ["event_images.id"], name=op.f("fk_bookmarks_image_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_bookmarks_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "image_id", name=op.f("pk_bookmarks")),
    )
    op.create_index("ix_bookmarks_image_id", "bookmarks", ["image_id"], unique=False)
    op.create_table(
        "event_faces",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("image_id", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.String(length=100), nullable=False),
        sa.Column("embedding", Vector(512), nullable=False),
        sa.Column("x", sa.Float(), nullable=False),
        sa.Column("y", sa.Float(), nullable=False),
        sa.Column("w", sa.Float(), nullable=False),
        sa.Column("h", sa.Float(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("quality", sa.Float(), nullable=False),
        sa.CheckConstraint("abs(vector_norm(embedding) - 1) < 1e-3", name=op.f("ck_event_faces_unit_length")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_event_faces_event_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["image_id"], ["event_images.id"], name=op.f("fk_event_faces_image_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_faces")),
    )
    op.create_index("ix_event_faces_event_id_model", "event_faces", ["event_id", "model"], unique=False)
    op.create_index("ix_event_faces_image_id", "event_faces", ["image_id"], unique=False)
    # Just over the TOAST limit: a vector kept out of line costs a look-up for each comparison.
    for table in ("event_faces", "drive_faces"):
        op.execute(f"ALTER TABLE {table} ALTER COLUMN embedding SET STORAGE PLAIN")
    op.execute(COUNT_CHANGES)


def downgrade() -> None:
    for table in (
        "event_faces",
        "bookmarks",
        "event_visits",
        "event_images",
        "event_downloads",
        "drive_faces",
        "selfies",
        "identities",
        "events",
        "drive_searches",
        "drive_files",
    ):
        op.drop_table(table)
    op.execute("DROP FUNCTION kenali_count_event_faces()")
