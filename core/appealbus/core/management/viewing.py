"""Rights: who sees what and may do what, and appeals, versions and fields as a viewer sees them."""

from appealbus.core.enrichment.fields import FieldError
from appealbus.core.planning.paths import of_each
from appealbus.core.rights.explaining import FieldHidden, leaves_of, titled
from appealbus.core.rights.mask import EVERYTHING, TECHNICAL, Mask
from appealbus.core.rights.masked_notes import warnings
from appealbus.core.rights.masked_version import Looks, MaskedVersion, etag, is_damage
from appealbus.core.rights.masker import Masker, NeverMasked, NotMasked
from appealbus.core.rights.paths import Path
from appealbus.core.rights.policy import Policy, read_policy
from appealbus.core.rights.questions import Json
from appealbus.core.rights.senders import missing
from appealbus.core.rights.viewer import Action, Viewer
from appealbus.core.rights.views import Views

__all__ = ["EVERYTHING", "TECHNICAL", "Action", "FieldError", "FieldHidden", "Json", "Looks", "Mask", "Masker"]
__all__ += ["MaskedVersion", "NeverMasked", "NotMasked", "Path", "Policy", "Viewer", "Views"]
__all__ += ["etag", "is_damage", "leaves_of", "missing", "of_each", "read_policy", "titled", "warnings"]
