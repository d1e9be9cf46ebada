"""Bring the read tables to the newest shape: alembic at start-up, no command line needed.

Alembic is imported where it is used: the web reads tables and never makes them.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Engine, inspect, text

from db.base import open_engine

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS: Final = Path(__file__).parent / "migrations"


def configuration(engine: Engine) -> "Config":
    """An alembic configuration without a file; the connection is handed over in it."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", MIGRATIONS.as_posix())
    config.attributes["engine"] = engine
    return config


def create(engine: Engine) -> None:
    """Make what is missing; after a ``drop_all`` the tables are made anew."""
    from alembic import command

    names = inspect(engine).get_table_names()
    if "alembic_version" in names and "entries" not in names:
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE alembic_version"))
    command.upgrade(configuration(engine), "head")


def open_tables(url: str) -> Engine:
    """The read tables at this address, made or brought to the newest shape."""
    engine = open_engine(url)
    create(engine)
    return engine
