"""Settings of terms."""

from datetime import time

from appealbus.core import Settings
from appealbus.core.config.types import ExistingFile

NAME = "law"
"""Of these terms among those of all plugins."""


class TermsSettings(Settings):
    """The table `[plugins.terms]`: by what terms are counted."""

    calendar: ExistingFile | None = None
    """A file of days off and working weekends in the place of the one that ships."""
    norms: ExistingFile | None = None
    """A file of norms in the place of the one that ships."""
    day_ends: time | None = None
    """When the working day ends here: what comes then or later is registered on the next working day. Absent: as the
    norms say."""
