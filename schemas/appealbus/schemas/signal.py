"""What an assessor concludes from a dossier."""

from appealbus.schemas.base import Model, Text, Word


class Severity(Word):
    """How much a signal asks of the official."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Signal(Model):
    """A conclusion with the fields it rests on, so that the official can check it."""

    assessor: Text
    code: Text
    """A stable word for programs: `land.no_right`."""
    severity: Severity
    message_ru: Text
    message_kk: Text
    message_en: Text | None = None
    """Left out: who reads English reads the Russian one."""
    fields: list[Text]
    """Paths of the fields it rests on: `appeal.applicant.surname`, `gbdfl.person/surname`."""
    not_asked_now: bool | None = None
    """Whether one of them is of a fact that an earlier version told and this one did not ask for. Set by the bus."""
