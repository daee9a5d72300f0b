"""Alembic's entry point: it migrates over the connection that `store.database.migrate` hands to it."""

from alembic import context

from store.database.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite's tables are altered by copying them.
    render_as_batch=True,
    # The whole upgrade is one transaction on SQLite too, so that a crash leaves the old tables.
    transactional_ddl=True,
)
context.run_migrations()
