"""What is damaged in the journal: it cannot be told, and is no defect of the server."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from appealbus.core import AppealRow
from appealbus.core.management.viewing import FieldError, NeverMasked
from appealbus.plugins.api.problems import DAMAGED, Problem

log = structlog.get_logger(__name__)


@contextmanager
def readable(row: AppealRow) -> Iterator[None]:
    """Read what an appeal's versions say; raise Problem where that is no dossier, and tell the log which appeal's."""
    try:
        yield
    except FieldError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        log.error("journal.unreadable", appeal_id=row.appeal_id, version=row.version, error=type(error).__name__)
        masked = not isinstance(error, NeverMasked)
        said = "a version of the dossier is damaged in the journal" if masked else str(error)
        raise Problem(DAMAGED, said) from None
