"""The view object that its pages share."""

from appealbus.core.rights.viewer import Action
from appealbus.plugins.console.view import View

view = View("appeals", "Appeals", place=20, path="/appeals", needs=Action.STATE)
