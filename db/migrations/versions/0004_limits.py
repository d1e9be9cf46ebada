"""Every version of a limit, and how far limits were used on each day.

Revision: 0004, after 0003.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _key(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, autoincrement=False, nullable=False)


def _place() -> list[sa.Column[Any]]:
    return [
        _key("kind", sa.String(length=24)),
        _key("level", sa.String(length=12)),
        _key("subject", sa.String(length=80)),
    ]


def _number(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    """Make both tables; they fill from the entries that follow, or all by a rebuild."""
    op.create_table(
        "limits",
        _key("source", sa.String(length=24)),
        _number("origin", sa.String(length=8)),
        *_place(),
        _key("version", sa.BigInteger()),
        _number("value", sa.Float()),
        sa.Column("soft", sa.Float(), nullable=True),
        _number("window_s", sa.Float()),
        _number("symbols", sa.Text()),
        _number("derivation", sa.Text()),
        _number("owner", sa.String(length=40)),
        _number("review", sa.String(length=10)),
        _number("change_id", sa.BigInteger()),
        _number("by", sa.String(length=40)),
        _number("approved_by", sa.String(length=40)),
        _number("since", sa.BigInteger()),
        _number("gone", sa.Boolean()),
        _number("seq", sa.BigInteger()),
        sa.PrimaryKeyConstraint(
            "source", "kind", "level", "subject", "version", name=op.f("pk_limits")
        ),
    )
    op.create_table(
        "limit_use",
        _key("source", sa.String(length=24)),
        _number("origin", sa.String(length=8)),
        _key("day", sa.String(length=10)),
        *_place(),
        _number("used", sa.Float()),
        _number("limit", sa.Float()),
        _number("share", sa.Float()),
        _number("at", sa.BigInteger()),
        _number("refused", sa.BigInteger()),
        _number("refused_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint(
            "source", "day", "kind", "level", "subject", name=op.f("pk_limit_use")
        ),
    )


def downgrade() -> None:
    """Without limits."""
    op.drop_table("limit_use")
    op.drop_table("limits")
