"""What people did about an exception: shown, assigned, escalated, closed.

Revision: 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INSTANTS = ("first_at", "shown_at", "escalated_at", "resolved_at")
WORDS = {"shown_by": 40, "assigned_to": 40, "cause": 16, "resolved_by": 40, "resolution": 0}


def upgrade() -> None:
    """Add the columns; a rebuild fills those of alerts that are in the tables already."""
    for name in INSTANTS:
        op.add_column(
            "alerts",
            sa.Column(name, sa.BigInteger(), nullable=False, server_default=sa.text("'0'")),
        )
    for name, length in WORDS.items():
        kind = sa.String(length=length) if length else sa.Text()
        op.add_column("alerts", sa.Column(name, kind, nullable=False, server_default=sa.text("''")))


def downgrade() -> None:
    """Without them."""
    for name in (*INSTANTS, *WORDS):
        op.drop_column("alerts", name)
