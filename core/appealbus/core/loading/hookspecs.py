"""The doors of the bus. A plugin implements what it needs, with `hookimpl`; unused arguments may be left out.

`settings` is the plugin's own: an instance of what its `register_settings` returned, from `[plugins.NAME]`.
"""

from typing import TYPE_CHECKING, Any

import pluggy

from appealbus.core.config.types import Settings
from appealbus.core.interfaces.assessor import Assessor
from appealbus.core.interfaces.delivery import Delivery
from appealbus.core.interfaces.intake import Intake
from appealbus.core.interfaces.journal_part import JournalPart
from appealbus.core.interfaces.lookup import Lookup
from appealbus.core.interfaces.pages import Pages
from appealbus.core.interfaces.part import Factory
from appealbus.core.interfaces.service import Service
from appealbus.core.interfaces.terms import Terms
from appealbus.core.interfaces.wire import Wire
from appealbus.core.interfaces.work import WorkQueue
from appealbus.schemas.appeal import Receipt
from appealbus.schemas.dossier import Dossier, LookupOutcome
from appealbus.schemas.record import Record

if TYPE_CHECKING:
    import typer

NAMESPACE = "appealbus"
hookspec = pluggy.HookspecMarker(NAMESPACE)
hookimpl = pluggy.HookimplMarker(NAMESPACE)


class Hooks:
    """All hooks. Those that register are called once at load, for one plugin at a time."""

    @hookspec
    def register_settings(self) -> type[Settings]:
        """Return the model of the table `[plugins.NAME]`."""
        raise NotImplementedError

    @hookspec
    def register_shared(self, settings: Settings) -> object:
        """Return what the plugin's other hooks share, such as a pool of connections; they take it as `shared`."""
        raise NotImplementedError

    @hookspec
    def register_connectors(self, settings: Settings, shared: Any) -> list[Factory[Wire]]:
        """Return factories of wires: one for each way in which sources are spoken to."""
        raise NotImplementedError

    @hookspec
    def register_lookups(self, settings: Settings, shared: Any) -> list[Lookup[Any, Record]]:
        """Return questions to sources."""
        raise NotImplementedError

    @hookspec
    def register_intakes(self, settings: Settings, shared: Any) -> list[Factory[Intake[Any]]]:
        """Return factories of intakes."""
        raise NotImplementedError

    @hookspec
    def register_deliveries(self, settings: Settings, shared: Any) -> list[Factory[Delivery[Any]]]:
        """Return factories of deliveries."""
        raise NotImplementedError

    @hookspec
    def register_work_queues(self, settings: Settings, shared: Any) -> list[Factory[WorkQueue[Any]]]:
        """Return factories of work queues."""
        raise NotImplementedError

    @hookspec
    def register_assessors(self, settings: Settings, shared: Any) -> list[Assessor]:
        """Return rules over dossiers."""
        raise NotImplementedError

    @hookspec
    def register_journal_parts(self, settings: Settings, shared: Any) -> list[JournalPart]:
        """Return what the plugin keeps in the journal."""
        raise NotImplementedError

    @hookspec
    def register_services(self, settings: Settings, shared: Any) -> list[Service]:
        """Return long-running parts, which live as long as the bus."""
        raise NotImplementedError

    @hookspec
    def register_terms(self, settings: Settings, shared: Any) -> list[Terms]:
        """Return what counts until when appeals have to be answered."""
        raise NotImplementedError

    @hookspec
    def register_pages(self, settings: Settings, shared: Any) -> list[Pages]:
        """Return applications that `appealbus serve` has under paths of their own."""
        raise NotImplementedError

    @hookspec
    def register_commands(self, app: "typer.Typer", settings: Settings, shared: Any) -> None:
        """Add commands to the command line."""

    @hookspec
    def appeal_accepted(self, receipt: Receipt) -> None:
        """Hear that an appeal is on disk."""

    @hookspec
    def lookup_ended(self, number: str, outcome: LookupOutcome) -> None:
        """Hear how a question ended."""

    @hookspec
    def dossier_ready(self, dossier: Dossier) -> None:
        """Hear of a new dossier version, once it is on disk."""

    @hookspec
    def source_changed(self, source: str, state: str) -> None:
        """Hear that a source's breaker went `open`, `half_open` or `closed`."""
