"""The database itself: its tables, engines, migrations, and how reads and writes are made."""
