"""Run by alembic: migrate over the engine that ``db.schema`` hands over."""

from alembic import context
from sqlalchemy import Engine

from db.tables import TABLES

engine: Engine = context.config.attributes["engine"]
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=TABLES, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
