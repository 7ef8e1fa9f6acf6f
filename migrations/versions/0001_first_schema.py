"""Everything there is at first: people, photos, embeddings, jobs, sign-in, and the job queue's own schema.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import Vector
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

#: Kept here, because a migration must do tomorrow what it did today; later versions come as migrations of their own.
QUEUE_SCHEMA = Path(__file__).parents[1] / "sql" / "procrastinate-3.10.0.sql"

#: Keeps face_generations.changes, by which a copy of the gallery in memory knows that it is outdated.
COUNT_CHANGES = """
CREATE FUNCTION kenali_count_embeddings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE face_generations SET changes = changes + 1 WHERE id IN (SELECT DISTINCT generation FROM changed);
    RETURN NULL;
END $$;
CREATE FUNCTION kenali_count_names() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE face_generations SET changes = changes + 1 WHERE state <> 'building';
    RETURN NULL;
END $$;
CREATE TRIGGER kenali_embeddings_added AFTER INSERT ON face_embeddings
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION kenali_count_embeddings();
CREATE TRIGGER kenali_embeddings_changed AFTER UPDATE ON face_embeddings
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION kenali_count_embeddings();
CREATE TRIGGER kenali_embeddings_removed AFTER DELETE ON face_embeddings
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION kenali_count_embeddings();
CREATE TRIGGER kenali_names_changed AFTER UPDATE OF name, email ON users
    FOR EACH STATEMENT EXECUTE FUNCTION kenali_count_names();
"""


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    op.create_table(
        "api_keys",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.String(length=40)), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("prefix", name=op.f("uq_api_keys_prefix")),
    )
    op.create_table(
        "face_generations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("model", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("indexed", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("index_recall", sa.Float(), nullable=True),
        sa.Column("index_probes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("changes", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("state in ('building', 'live', 'retired')", name=op.f("ck_face_generations_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_face_generations")),
    )
    op.create_index(
        "uq_face_generations_building",
        "face_generations",
        ["state"],
        unique=True,
        postgresql_where=sa.text("state = 'building'"),
    )
    op.create_index(
        "uq_face_generations_live",
        "face_generations",
        ["state"],
        unique=True,
        postgresql_where=sa.text("state = 'live'"),
    )
    op.create_table(
        "sign_in_failures",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_failure_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_sign_in_failures")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("role", sa.String(length=20), server_default="user", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("role in ('user', 'admin')", name=op.f("ck_users_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
    op.create_index("uq_users_email_lower", "users", [sa.literal_column("lower(email)")], unique=True)
    op.create_table(
        "login_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("refresh_jti", sa.String(length=64), nullable=False),
        sa.Column("previous_jti", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("refreshed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_login_sessions_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_sessions")),
    )
    op.create_index(op.f("ix_login_sessions_user_id"), "login_sessions", ["user_id"], unique=False)
    op.create_table(
        "photos",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("storage_key", sa.String(length=400), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("face", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("crop_landmarks", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("crop_box", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("detector", sa.String(length=100), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_photos_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_photos")),
        sa.UniqueConstraint("storage_key", name=op.f("uq_photos_storage_key")),
    )
    op.create_index("ix_photos_user_id_id", "photos", ["user_id", "id"], unique=False)
    op.create_table(
        "training_jobs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("requested_by", sa.BigInteger(), nullable=True),
        sa.Column("force", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("model", sa.String(length=400), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("done_before", sa.Integer(), server_default="0", nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("fruitless_attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error_code", sa.String(length=60), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("queue_job_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind in ('incremental', 'rebuild')", name=op.f("ck_training_jobs_kind")),
        sa.CheckConstraint(
            "state in ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name=op.f("ck_training_jobs_state")
        ),
        sa.ForeignKeyConstraint(
            ["requested_by"], ["users.id"], name=op.f("fk_training_jobs_requested_by"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_training_jobs_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_jobs")),
    )
    op.create_index("ix_training_jobs_created_at", "training_jobs", ["created_at"], unique=False)
    op.create_index(
        "uq_training_jobs_active_rebuild",
        "training_jobs",
        ["kind"],
        unique=True,
        postgresql_where=sa.text("kind = 'rebuild' and state in ('queued', 'running')"),
    )
    op.create_index(op.f("ix_training_jobs_user_id"), "training_jobs", ["user_id"], unique=False)
    op.create_table(
        "face_embeddings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("photo_id", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.String(length=100), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("embedding", Vector(512), nullable=False),
        sa.Column("quality", sa.Float(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("abs(vector_norm(embedding) - 1) < 1e-3", name=op.f("ck_face_embeddings_unit_length")),
        sa.ForeignKeyConstraint(
            ["generation"], ["face_generations.id"], name=op.f("fk_face_embeddings_generation"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["photo_id"], ["photos.id"], name=op.f("fk_face_embeddings_photo_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_face_embeddings_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_face_embeddings")),
        sa.UniqueConstraint("generation", "photo_id", name=op.f("uq_face_embeddings_generation_photo_id")),
    )
    op.create_index("ix_face_embeddings_generation_user_id", "face_embeddings", ["generation", "user_id"], unique=False)
    op.create_index("ix_face_embeddings_photo_id", "face_embeddings", ["photo_id"], unique=False)
    op.create_index("ix_face_embeddings_user_id", "face_embeddings", ["user_id"], unique=False)
    # The row is just over the TOAST limit, and a vector kept out of line costs a look-up for each comparison.
    op.execute("ALTER TABLE face_embeddings ALTER COLUMN embedding SET STORAGE PLAIN")
    op.execute(COUNT_CHANGES)
    _execute_script(QUEUE_SCHEMA.read_text(encoding="utf-8"))


def _execute_script(script: str) -> None:
    """Several statements with percent signs in them: past SQLAlchemy's parameters."""
    with op.get_bind().connection.cursor() as cursor:
        cursor.execute(script)


def downgrade() -> None:
    raise NotImplementedError("There is nothing before the first schema: drop the database instead.")
