"""The menu: what stands in it, where, and for whom."""

from dataclasses import dataclass

from appealbus.core.rights.actions import Action
from appealbus.core.rights.viewer import Viewer


@dataclass
class Entry:
    """What a view is in the menu.

    Attributes:
        name: of the view.
        title: what it is called, in English.
        place: where it stands: 10 Now, 20 Appeals, 30 Terms, 35 Figures, 37 Surges, 40 Sources, 50 Deliveries,
            60 Quarantine, 70 Workers, 80 Account, 90 Configuration; 0: not in the menu.
        path: where it begins, under `/console`.
        needs: what one may do to whom it is shown; None: all.
        chooses: what one may choose appeals by to whom it is shown: their mask does not hide it.
        plugin: without which it is not there; empty: none.

    """

    name: str
    title: str
    place: int = 0
    path: str = ""
    needs: Action | None = None
    chooses: tuple[str, ...] = ()
    plugin: str = ""

    def open_to(self, viewer: Viewer) -> bool:
        """Whether there is something in it for somebody."""
        return (self.needs is None or viewer.may(self.needs)) and all(map(viewer.may_choose_by, self.chooses))
