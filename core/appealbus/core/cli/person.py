"""Who runs a command, as far as this machine knows."""

import os
import pwd
from pathlib import Path

from appealbus.core.escaping import blanked

_LOGIN = Path("/proc/self/loginuid")
"""Who logged in, by the kernel: it stays whatever one becomes afterwards, and nobody can change it."""
_NOBODY = 2**32 - 1
"""What the kernel says where nobody logged in."""
_LONGEST = 64
"""Characters of a name: an account has 32 at most, but what `sudo` says may be anything."""


def person() -> str:
    """Return who runs this program: the account, and before it who logged in, where that is another: `aidos/root`.

    Where the kernel does not know, as in a service, it is who `sudo` says: that is a claim, as is all of the
    environment, so the account stands beside it in any case.
    """
    account = _name(os.geteuid())
    who = _logged_in() or os.environ.get("SUDO_USER") or account
    who = blanked(who)[:_LONGEST].strip().replace("/", "_") or account
    return account if who == account else f"{who}/{account}"


def _logged_in() -> str | None:
    try:
        number = int(_LOGIN.read_text("ascii"))
    except (OSError, ValueError):  # not Linux, or no /proc
        return None
    return None if number == _NOBODY else _name(number)


def _name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # a container without names
        return str(number)
