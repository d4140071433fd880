"""The effective policy of a queue, by RabbitMQ's rules.

The queue itself reports it only seconds after a policy has changed.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appealbus.connectors.amqp.topology.management import Management, ManagementFailed

# Of these the smaller one holds, that of the policy or that of the operator; of all others the operator's.
_SMALLER = frozenset({"message-ttl", "max-length", "max-length-bytes", "expires", "delivery-limit"})


@dataclass(frozen=True, slots=True)
class Policies:
    policies: Sequence[Mapping[str, Any]]
    operators: Sequence[Mapping[str, Any]]

    def named(self, name: str) -> Mapping[str, Any] | None:
        return next((policy for policy in self.policies if policy.get("name") == name), None)

    def holds(self, queue: str, kind: str) -> Mapping[str, Any] | None:
        """Return the matching policy with the highest priority."""
        return _best(self.policies, queue, kind)

    def effective(self, queue: str, kind: str) -> dict[str, Any]:
        """Return the effective settings of a queue, including operator policies."""
        merged = _definition(_best(self.policies, queue, kind))
        for key, value in _definition(_best(self.operators, queue, kind)).items():
            merged[key] = min(merged[key], value) if key in _SMALLER and key in merged else value
        return merged


async def policies_of(api: Management) -> Policies:
    """Read all policies. Raises ManagementFailed if the API gives no answer."""
    policies, operators = await api.get("policies"), await api.get("operator-policies")
    if not isinstance(policies, list):
        raise ManagementFailed("the management API shows no such virtual host; check virtual_host")
    return Policies(policies, operators if isinstance(operators, list) else [])


def _best(policies: Sequence[Mapping[str, Any]], queue: str, kind: str) -> Mapping[str, Any] | None:
    matching = [policy for policy in policies if _matches(policy, queue, kind)]
    return max(matching, key=lambda policy: int(policy.get("priority", 0)), default=None)


def _matches(policy: Mapping[str, Any], queue: str, kind: str) -> bool:
    if policy.get("apply-to", "all") not in ("all", "queues", f"{kind}_queues"):
        return False
    try:
        return re.search(str(policy.get("pattern", "")), queue) is not None
    except re.error:  # good for Erlang alone
        return False


def _definition(policy: Mapping[str, Any] | None) -> dict[str, Any]:
    definition = policy.get("definition") if policy is not None else None
    return dict(definition) if isinstance(definition, dict) else {}
