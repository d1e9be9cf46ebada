"""Lives of children: replaces, busts, corrections.

Revision: 0003, after 0002. Rows of an older desk have no life: they are dropped, and the worker
projects the journal anew.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MORE: dict[str, tuple[tuple[str, Any, str], ...]] = {
    "children": (
        ("most", sa.BigInteger(), "0"),
        ("status", sa.String(length=16), ""),
        ("passive_filled", sa.BigInteger(), "0"),
        ("replace_asked_at", sa.BigInteger(), "0"),
        ("life", sa.Text(), ""),
    ),
    "fills": (
        ("fate", sa.String(length=10), ""),
        ("was_price", sa.BigInteger(), "0"),
        ("was_sub", sa.Integer(), "0"),
        ("was_quantity", sa.BigInteger(), "0"),
        ("changed_at", sa.BigInteger(), "0"),
    ),
}


def upgrade() -> None:
    """Add the columns; drop the rows, which the journal has."""
    names = sa.inspect(op.get_bind()).get_table_names()
    for name in names:
        if name != "alembic_version":
            op.execute(sa.text(f"DELETE FROM {name}"))  # noqa: S608 - names of the schema itself
    for table, columns in MORE.items():
        for name, kind, value in columns:
            op.add_column(
                table, sa.Column(name, kind, nullable=False, server_default=sa.text(f"'{value}'"))
            )


def downgrade() -> None:
    """Without them."""
    for table, columns in MORE.items():
        for name, _kind, _value in columns:
            op.drop_column(table, name)
