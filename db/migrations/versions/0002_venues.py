"""Venues of a day, and where children went; sums over own fills exact between ticks.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MORE = {
    "parents": (("fees", sa.Float(), "0"), ("excluded", sa.String(length=200), "")),
    "children": (
        ("venue", sa.String(length=24), ""),
        ("display", sa.BigInteger(), "0"),
        ("minimum", sa.BigInteger(), "0"),
        ("fees", sa.Float(), "0"),
    ),
    "fills": (
        ("sub", sa.Integer(), "0"),
        ("venue", sa.String(length=24), ""),
        ("fee", sa.Float(), "0"),
    ),
}


def upgrade() -> None:
    """Add the columns; what was in whole ticks becomes hundredths."""
    op.create_table(
        "venues",
        sa.Column("source", sa.String(length=24), autoincrement=False, nullable=False),
        sa.Column("origin", sa.String(length=8), nullable=False),
        sa.Column("day", sa.String(length=10), autoincrement=False, nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("make_fee", sa.Float(), nullable=False),
        sa.Column("take_fee", sa.Float(), nullable=False),
        sa.Column("phone", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("source", "day", "place", name=op.f("pk_venues")),
    )
    for table, columns in MORE.items():
        for name, kind, value in columns:
            op.add_column(
                table, sa.Column(name, kind, nullable=False, server_default=sa.text(f"'{value}'"))
            )
    for table in ("parents", "children"):
        op.alter_column(table, "notional", new_column_name="notional100")
        op.execute(sa.text(f"UPDATE {table} SET notional100 = notional100 * 100"))  # noqa: S608


def downgrade() -> None:
    """Back to whole ticks."""
    for table in ("parents", "children"):
        op.execute(sa.text(f"UPDATE {table} SET notional100 = notional100 / 100"))  # noqa: S608
        op.alter_column(table, "notional100", new_column_name="notional")
    for table, columns in MORE.items():
        for name, _kind, _value in columns:
            op.drop_column(table, name)
    op.drop_table("venues")
