"""Terms: until when an appeal has to be answered, where its register has not said."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, ClassVar

from appealbus.core.domain.change import KeptChange
from appealbus.schemas.appeal import Appeal


class Terms(ABC):
    """Counts until when appeals have to be answered. Pure and quick: asks nobody, has no clock, reads no file."""

    name: ClassVar[str]

    rests_on: ClassVar[Sequence[str]] = ("appeal",)
    """Paths of the fields that its days follow from, besides those that any term follows from: `appeal.category`.

    Any does from kind, addressee, arrival and registration of the appeal, and from what happened to it. A day is hidden
    from whom one of them is hidden from; as it stands here, from all from whom anything of the appeal is.
    """

    @abstractmethod
    def due_on(
        self, appeal: Appeal, first: Appeal, accepted_at: datetime, changes: Sequence[KeptChange]
    ) -> date | None:
        """Return the last day; None where nothing says so. The bus works what is due first.

        It is called for each appeal that comes without a `due_on`, and at the end of each run over it: it has 20 µs.

        Args:
            appeal: its newest form.
            first: the form that it came in; the same where nothing has changed it.
            accepted_at: when the bus got it.
            changes: what has happened to it since.
        """

    def known_until(self) -> date | None:
        """Return the last day that can be counted to; None where there is none.

        Health warns some weeks before: from then on appeals come whose term nobody can count.
        """
        return None

    def works_on(self, day: date) -> bool | None:
        """Say whether people work on a day, by the calendar that terms are counted with.

        None: there is no calendar, or it does not know the day. Surges ask: appeals come on working days.
        """
        return None

    def proof(
        self, appeal: Appeal, first: Appeal, accepted_at: datetime, changes: Sequence[KeptChange], today: date
    ) -> dict[str, Any] | None:
        """Return why, as of a day, in values that JSON has or that are days; None where there is nothing to show.

        It is called when somebody asks for the term of one appeal, with what `due_on` is given.
        """
        return None
