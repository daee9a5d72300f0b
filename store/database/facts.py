"""Stores single facts about the system by name, such as that learning is paused."""

from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from store.database.schema import facts

# Built once: building a statement takes longer than running it.
_READ = select(facts.c.value).where(facts.c.name == bindparam("of_name"))
_CHANGE = update(facts).where(facts.c.name == bindparam("of_name")).values(value=bindparam("value"))


def read_fact(connection: Connection, name: str) -> Any | None:
    """Return the fact's JSON value, or None where it was never written."""
    return connection.execute(_READ, {"of_name": name}).scalar_one_or_none()


def write_fact(connection: Connection, name: str, value: Any) -> None:
    """Write or replace a fact; `value` is anything that JSON can hold."""
    if connection.execute(_CHANGE, {"of_name": name, "value": value}).rowcount == 0:
        connection.execute(insert(facts).values(name=name, value=value))


def forget_fact(connection: Connection, name: str) -> None:
    """Remove a fact; an unknown one is no error."""
    connection.execute(delete(facts).where(facts.c.name == name))
