"""What a plugin keeps in the journal, in tables of its own."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from appealbus.schemas.appeal import Appeal

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
"""By the name of a table its rows, without `appeal_id`."""
SecretOf = Callable[[str], bytes]
"""Returns the secret that the journal's key has for a purpose: 32 bytes."""


class JournalPart(ABC):
    """Rows of each appeal in tables of a plugin.

    They are written with each form of an appeal, in one transaction. They go with the appeal, with its next form and
    with the journal's key, whether the plugin is loaded or not.
    """

    name: ClassVar[str]

    tables: Sequence[Any]
    """Tables of SQLAlchemy, each after those that it refers to. Each has `appeal_id` and an index that begins with it.

    The first one has a row of each appeal: one without a row there gets its rows in the background.
    """
    migrations: Sequence[Callable[[Any], None]]
    """Each brings the tables to their next version, in a transaction: a function of SQLAlchemy's connection.

    The journal counts those that it had. The first one makes the tables. None changes once it is released.
    """

    @abstractmethod
    def rows(self, appeal: Appeal, secret_of: SecretOf) -> Rows:
        """Return the rows of an appeal; all of a table have the same columns.

        It is called for each form, in a thread where the text is long: it has a millisecond. One that raises keeps
        nothing. An appeal that is damaged is given as one without any field.
        """

    def filled(self, count: int, code: str = "") -> None:
        """Hear how many earlier appeals have got rows, or with which code the journal does not answer meanwhile."""
        return
