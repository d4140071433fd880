"""The codes in which a source says how a question went: what each means is a setting, for few lists are published."""

import re

from appealbus.core.config.types import Settings
from appealbus.core.interfaces.lookup import invalid, not_found, refused
from appealbus.schemas.outcome import Outcome
from appealbus.schemas.record import Record

_QUOTABLE = re.compile(r"[A-Za-z0-9_-]{1,8}", re.ASCII)


class BusinessCodes(Settings):
    """Settings of a plugin whose source answers with codes. Subclass it and give `success_codes` a default."""

    success_codes: frozenset[str]
    """The source has dealt with the question."""
    not_found_codes: frozenset[str] = frozenset()
    """The source knows no such record."""
    refused_codes: frozenset[str] = frozenset()
    """The source says that we have no right, or no consent."""

    def failure(self, source: str, code: str) -> Outcome[Record] | None:
        """Return what the code means for the question; None for success.

        A code that no setting knows ends in invalid: the question is parked and asked again, so that nothing is
        lost while somebody finds out what it means. It is no failure of the source: the breaker stays closed.
        """
        if code in self.success_codes:
            return None
        # Long codes are not quoted: eight characters cannot hold an ИИН.
        name = f"{source}.{code if _QUOTABLE.fullmatch(code) else 'code'}"
        if code in self.not_found_codes:
            return not_found(name, "the source answered with its code for: no such record")
        if code in self.refused_codes:
            return refused(name, "the source answered with its code for: no right or no consent")
        return invalid(name, "the source answered with a code that the settings do not know")
