"""The database's migrations, run by `store.database.migrate`."""
