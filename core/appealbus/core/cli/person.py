"""The person who runs a command, as far as this machine knows, and their reason."""

import os
import pwd
from pathlib import Path

import typer

from appealbus.core.escaping import blanked

_LOGIN = Path("/proc/self/loginuid")
"""The login user as recorded by the kernel; `su` and `sudo` do not change it."""
_NOBODY = 2**32 - 1
"""The kernel's value for no login."""
_LONGEST = 64
"""Characters of a name: an account has 32 at most, but `sudo`'s variable may hold anything."""


def person() -> str:
    """Return the account, preceded by the login user if different: `aidos/root`.

    Without a login, as in a service, `sudo`'s variable is used. It can be forged, so the account is always included.
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


_LONGEST_REASON = 500


def checked_reason(reason: str) -> None:
    """Raise BadParameter if the reason is empty or too long."""
    if not reason.strip() or len(reason) > _LONGEST_REASON:
        raise typer.BadParameter(f"write one to {_LONGEST_REASON} characters", param_hint="--reason")
