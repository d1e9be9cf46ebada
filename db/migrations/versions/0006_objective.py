"""What the client wants of a parent.

Revision: 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MORE = (("objective", sa.String(length=10), "unsaid"), ("risk_aversion", sa.Float(), "0"))


def upgrade() -> None:
    """Add the columns; older orders said nothing."""
    for name, kind, value in MORE:
        op.add_column(
            "parents", sa.Column(name, kind, nullable=False, server_default=sa.text(f"'{value}'"))
        )


def downgrade() -> None:
    """Without objectives."""
    for name, _kind, _value in MORE:
        op.drop_column("parents", name)
