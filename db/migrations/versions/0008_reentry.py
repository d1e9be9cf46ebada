"""The order whose remainder a parent works.

Revision: 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Older orders are linked to none."""
    op.add_column(
        "parents", sa.Column("reenters", sa.BigInteger(), nullable=False, server_default="0")
    )


def downgrade() -> None:
    """Without links."""
    op.drop_column("parents", "reenters")
