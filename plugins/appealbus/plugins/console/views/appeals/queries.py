"""The view object that its pages share."""

from appealbus.core.management.viewing import Action
from appealbus.plugins.console.view import View

view = View("appeals", "Appeals", place=20, path="/appeals", needs=Action.STATE)
