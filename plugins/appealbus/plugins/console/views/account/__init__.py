"""Account: access log, actions, policy, and the person's own rights and sessions."""

from appealbus.plugins.console.views.account import done, looks, mine, policy
from appealbus.plugins.console.views.account.queries import view

__all__ = ["done", "looks", "mine", "policy", "view"]
