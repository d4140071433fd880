"""Menu entries: order and visibility."""

from dataclasses import dataclass

from appealbus.core.management.viewing import Action, Viewer


@dataclass
class Entry:
    """A view's menu entry.

    Attributes:
        name: of the view.
        title: in English.
        place: position: 10 Now, 20 Appeals, 30 Terms, 35 Figures, 37 Surges, 40 Sources, 50 Deliveries,
            60 Quarantine, 70 Workers, 80 Account, 90 Configuration; 0: not in the menu.
        path: first page, under `/console`.
        needs: right that shows the entry; None: shown to all.
        chooses: filter that the viewer's mask must leave open; None: shown to all.
        plugin: plugin that must be active; empty: none.
    """

    name: str
    title: str
    place: int = 0
    path: str = ""
    needs: Action | None = None
    chooses: tuple[str, ...] = ()
    plugin: str = ""

    def open_to(self, viewer: Viewer) -> bool:
        return (self.needs is None or viewer.may(self.needs)) and all(map(viewer.may_choose_by, self.chooses))
