"""What a parent does when its model version is lost, and why it works without one.

Revision: 0009, after 0008.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Older orders were entered without that choice."""
    op.add_column(
        "parents",
        sa.Column("on_model_loss", sa.String(length=10), nullable=False, server_default=""),
    )
    op.add_column(
        "parents", sa.Column("model_off", sa.String(length=120), nullable=False, server_default="")
    )


def downgrade() -> None:
    """Without either."""
    op.drop_column("parents", "model_off")
    op.drop_column("parents", "on_model_loss")
