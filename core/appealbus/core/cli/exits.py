"""Exit codes of the program; docs/operating.md explains what to do about each."""

from appealbus.core.process import runtime

EXIT_PROBLEMS = 1
"""The command worked, but the checked state is not in order."""
EXIT_CONFIG = 2
EXIT_ABSENT = 3
"""No such appeal, version, field or quarantined message."""
EXIT_JOURNAL = 4
"""The journal, or the appeal in it, cannot be read or written now."""
EXIT_STUCK = runtime.EXIT_STUCK
"""A plugin blocked the event loop for too long; other workers have its work."""
EXIT_SUPERSEDED = 6
"""A newer release migrates the journal, or has done so; a restart does not help."""
EXIT_AWAY = 7
"""The bus or the API cannot use the journal for now: restart. Services do not restart after code 4."""
EXIT_OUTLIVED = 8
"""The journal's key or epoch changed since the process opened it: restart."""
EXIT_STOPPED = 130
