"""The exit codes of the program; docs/operating.md tells people what to do about each."""

from appealbus.core import process

EXIT_PROBLEMS = 1
"""The command worked and what it looked at is not in order."""
EXIT_CONFIG = 2
"""The configuration or the command line is wrong."""
EXIT_ABSENT = 3
"""There is no such appeal, version, field or quarantined message."""
EXIT_JOURNAL = 4
"""The journal, or the appeal in it, cannot be read or written now."""
EXIT_STUCK = process.EXIT_STUCK
"""A plugin held the process's event loop for too long, and others have its work."""
EXIT_SUPERSEDED = 6
"""A newer release migrates the journal, or has done so; to start again changes nothing."""
EXIT_AWAY = 7
"""The bus or the API cannot use the journal for now: start it again, as nobody does what ended with 4."""
EXIT_OUTLIVED = 8
"""The journal has another key or epoch than the process had opened, or gets another key: start it again."""
EXIT_STOPPED = 130
"""Stopped by Ctrl-C."""
