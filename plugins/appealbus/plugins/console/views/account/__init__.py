"""Account: who looked at what, what was done, who sees what, and what one may and has done oneself."""

from appealbus.plugins.console.views.account import done, looks, mine, policy
from appealbus.plugins.console.views.account.queries import view

__all__ = ["done", "looks", "mine", "policy", "view"]
