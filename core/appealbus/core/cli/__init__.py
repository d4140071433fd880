"""The command line. Each command is a thin reader or writer of the journal; plugins add their own."""
