"""Rows under change in one transaction: read once, changed in memory, written once at the end."""

from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, insert, select, update

from engine.domain.errors import BrokenInvariant

Row = dict[str, Any]
Key = tuple[Any, ...]


def _fresh(table: Table) -> Row:
    """A row of defaults; None where a value may be missing."""
    return {
        column.name: None if column.default is None else getattr(column.default, "arg", None)
        for column in table.columns
    }


class Rows:
    """A write-back cache over the rows of one source."""

    def __init__(self, connection: Connection, source: str, origin: str) -> None:
        self.source, self.origin = source, origin
        self._connection = connection
        self._known: dict[str, dict[Key, Row | None]] = {}
        self._new: dict[str, dict[Key, Row]] = {}
        self._changed: dict[str, dict[Key, Row]] = {}
        self._tables: dict[str, Table] = {}

    def get(self, table: Table, *key: Any) -> Row | None:
        """The row, or None; a change to it counts only through ``set``."""
        known = self._known.setdefault(table.name, {})
        if key not in known:
            wanted = zip(table.primary_key.columns, (self.source, *key), strict=True)
            query = select(table).where(*(column == value for column, value in wanted))
            found = self._connection.execute(query).mappings().one_or_none()
            known[key] = None if found is None else dict(found)
        return known[key]

    def find(self, table: Table, **values: Any) -> list[Row]:
        """Rows with these values, by key; for what happens seldom: it writes and asks."""
        self.flush()
        keys = [column for column in table.primary_key.columns if column.name != "source"]
        query = (
            select(*keys)
            .where(table.c.source == self.source)
            .where(*(table.c[name] == value for name, value in values.items()))
            .order_by(*keys)
        )
        found = self._connection.execute(query).all()
        return [self.need(table, *key) for key in found]

    def need(self, table: Table, *key: Any) -> Row:
        """The row; its absence means the journal or the projection is wrong."""
        row = self.get(table, *key)
        if row is None:
            raise BrokenInvariant(f"{table.name} has no row {key} of {self.source}")
        return row

    def put(self, table: Table, *key: Any, **values: Any) -> Row:
        """A new row, or the values of the one that is there."""
        row = self.get(table, *key)
        if row is not None:
            return self.set(table, *key, **values)
        row = _fresh(table) | {"source": self.source, "origin": self.origin}
        names = (column.name for column in table.primary_key.columns)
        row.update(zip(names, (self.source, *key), strict=True))
        row.update(values)
        self._tables[table.name] = table
        self._known[table.name][key] = row
        self._new.setdefault(table.name, {})[key] = row
        return row

    def add(self, table: Table, *key: Any, **values: Any) -> None:
        """A row that cannot be there yet: it is keyed by the number of a new entry."""
        self._known.setdefault(table.name, {})[key] = None
        self.put(table, *key, **values)

    def set(self, table: Table, *key: Any, **values: Any) -> Row:
        """Change a row."""
        row = self.need(table, *key)
        row.update(values)
        if key not in self._new.get(table.name, {}):
            self._tables[table.name] = table
            self._changed.setdefault(table.name, {})[key] = row
        return row

    def clear(self, table: Table, day: str) -> None:
        """Remove the rows of a day, to be written anew."""
        self.flush()
        self._known.pop(table.name, None)
        self._connection.execute(
            delete(table).where(table.c.source == self.source, table.c.day == day)
        )

    def flush(self) -> None:
        """Write everything that is new or changed."""
        for name, rows in self._new.items():
            self._connection.execute(insert(self._tables[name]), list(rows.values()))
        for name, rows in self._changed.items():
            table = self._tables[name]
            keys = [column.name for column in table.primary_key.columns]
            plain = [column.name for column in table.columns if column.name not in keys]
            statement = (
                update(table)
                .where(*(table.c[key] == bindparam(f"k_{key}") for key in keys))
                .values({column: bindparam(f"v_{column}") for column in plain})
            )
            self._connection.execute(
                statement,
                [
                    {f"k_{key}": row[key] for key in keys}
                    | {f"v_{column}": row[column] for column in plain}
                    for row in rows.values()
                ],
            )
        self._new, self._changed = {}, {}
