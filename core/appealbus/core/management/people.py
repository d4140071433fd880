"""Clients of the API, people of the console, their credentials, named views, and who looked at what."""

from appealbus.core.domain.access import AuditFilter, LookPlace, Served
from appealbus.core.domain.client import OF_PEOPLE, Client, Credential, Role
from appealbus.core.domain.listing import NamedView
from appealbus.core.journal.access import Look, deeds, looks_at
from appealbus.core.journal.clients import (
    NewClient,
    NewCredential,
    Read,
    Renewing,
    RequestAllowance,
    Revoking,
    all_clients,
    counting,
    credential,
    credentials_of,
    last_uses,
)
from appealbus.core.journal.named_views import Dropping, Keeping, all_views
from appealbus.core.rights.credentials import digest_of, fingerprint, new_token, same, split

__all__ = ["OF_PEOPLE", "AuditFilter", "Client", "Credential", "Dropping", "Keeping", "Look", "LookPlace", "NamedView"]
__all__ += ["NewClient", "NewCredential", "Read", "Renewing", "RequestAllowance", "Revoking", "Role", "Served"]
__all__ += ["all_clients", "all_views", "counting", "credential", "credentials_of", "deeds", "digest_of", "fingerprint"]
__all__ += ["last_uses", "looks_at", "new_token", "same", "split"]
