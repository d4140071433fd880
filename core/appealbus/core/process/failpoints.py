"""Failpoints: named places where a test can have the process killed.

`APPEALBUS_FAILPOINT="journal.before_commit:3"` kills the process (SIGKILL) when it passes that place the third time.
"""

import os
import signal

_name, _, _count = os.environ.get("APPEALBUS_FAILPOINT", "").partition(":")
_left = int(_count or 1)


def failpoint(name: str) -> None:
    """Kill the process if the environment requests it here."""
    if name == _name:
        _pass()


def _pass() -> None:
    global _left  # noqa: PLW0603 - counts down over the life of the process
    _left -= 1
    if _left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
