"""ГБД ФЛ, the register of persons: who the applicant is, and who the people are that the appeal names by ИИН.

The place to start for writing a plugin of your own. `settings.py` says what can be set, `lookups.py` what is asked and
where the inputs come from, `reading.py` how an answer becomes a record, `contract/` holds the messages as XSD. Which
wire carries the question (the SHEP gateway, plain SOAP, the simulator) is not here: `[sources.gbdfl]` binds it.
"""

from appealbus.core import Settings, hookimpl
from appealbus.plugins.gbdfl.lookups import MentionedPerson, PersonOfApplicant
from appealbus.plugins.gbdfl.settings import GbdflSettings


@hookimpl
def register_settings() -> type[Settings]:
    """Say what `[plugins.gbdfl]` may hold."""
    return GbdflSettings


@hookimpl
def register_lookups(settings: GbdflSettings) -> list[PersonOfApplicant | MentionedPerson]:
    """Bring the two questions."""
    return [PersonOfApplicant(settings), MentionedPerson(settings)]
