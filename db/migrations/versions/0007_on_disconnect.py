"""What a parent does after the exchange was lost.

Revision: 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Older orders had one choice for both."""
    op.add_column(
        "parents",
        sa.Column("on_disconnect", sa.String(length=10), nullable=False, server_default=""),
    )
    op.execute("UPDATE parents SET on_disconnect = on_restart")


def downgrade() -> None:
    """One choice for both again."""
    op.drop_column("parents", "on_disconnect")
