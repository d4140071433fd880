"""What goes straight through the drivers of SQLite and PostgreSQL; it knows nothing else of the journal."""
