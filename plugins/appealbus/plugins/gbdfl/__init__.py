"""ГБД ФЛ, the register of persons: the applicant, and people mentioned by ИИН.

A good template for a plugin of your own. `settings.py` has the settings, `lookups.py` the queries and their inputs,
`reading.py` the conversion of answers, `contract/` the messages as XSD. The transport (SHEP gateway, plain SOAP,
simulator) is not part of it: `[sources.gbdfl]` selects one.
"""

from appealbus.core import Settings, hookimpl
from appealbus.plugins.gbdfl.lookups import MentionedPerson, PersonOfApplicant
from appealbus.plugins.gbdfl.settings import GbdflSettings


@hookimpl
def register_settings() -> type[Settings]:
    return GbdflSettings


@hookimpl
def register_lookups(settings: GbdflSettings) -> list[PersonOfApplicant | MentionedPerson]:
    return [PersonOfApplicant(settings), MentionedPerson(settings)]
