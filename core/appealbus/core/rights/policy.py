"""The policy: one file that defines all access rights."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from appealbus.core.config.loading import Loaded, SettingsFile, load_written
from appealbus.core.config.models import Configuration
from appealbus.core.config.problems import InvalidConfig, Problem, dotted
from appealbus.core.domain.client import Client, Role
from appealbus.core.domain.event import by_api, by_person
from appealbus.core.interfaces.past import PastAssessor
from appealbus.core.loading.host import Host
from appealbus.core.rights.fields import fields_below, leads
from appealbus.core.rights.identifiers import KINDS
from appealbus.core.rights.mask import EVERYTHING, MASKS, ROLES, Mask
from appealbus.core.rights.paths import PARTS, Path, Pattern, path_of
from appealbus.core.rights.settings import ChannelSettings, ClientSettings, MaskSettings, PolicySettings
from appealbus.core.rights.viewer import Viewer
from appealbus.schemas.appeal import Appeal, AppealKind
from appealbus.schemas.record import Record
from appealbus.schemas.shapes import TYPED_RECORDS
from appealbus.schemas.suggestion import did_you_mean


@dataclass(frozen=True)
class Policy:
    """All access rights.

    Attributes:
        roles: by role its mask, and whether a read needs a purpose.
        clients: deviations for single clients.
        receivers: masks by delivery.
        changes: by role the kinds of change allowed to its clients, if the file says so.
        written: the file; None: the built-in policy.
        counted: further inputs of due dates, by the loaded terms.
        idle_rules: messages about rules that match nothing here.
        comparing: assessors that compare appeals; viewers of only some appeals do not see their signals.
        alone: the masks of those viewers, by name.
    """

    masks: Mapping[str, Mask] = field(default_factory=lambda: dict(MASKS))
    roles: Mapping[Role, tuple[Mask, bool]] = field(default_factory=lambda: dict(ROLES))
    clients: Mapping[str, ClientSettings] = field(default_factory=dict)
    receivers: Mapping[str, Mask] = field(default_factory=dict)
    written: SettingsFile | None = None
    changes: Mapping[Role, Sequence[str]] = field(default_factory=dict)
    channels: Mapping[str, ChannelSettings] = field(default_factory=dict)
    counted: tuple[Path, ...] = ()
    idle_rules: Sequence[str] = ()
    comparing: tuple[str, ...] = ()
    alone: dict[str, Mask] = field(default_factory=dict, compare=False)

    def of_role(self, role: Role) -> Viewer:
        """Return the viewer for a role without a client."""
        mask, purpose = self.roles[role]
        return Viewer(role.value, role, mask, purpose_needed=purpose, counted=self.counted)

    def of_client(self, client: Client) -> Viewer:
        mask, purpose = self.roles[client.role]
        own = self.clients.get(client.name) or ClientSettings()
        mask = mask if own.mask is None else self.masks[own.mask]
        purpose = purpose if own.purpose is None else own.purpose
        if self.comparing and (client.places or client.kinds or client.role is Role.CHANNEL):
            mask = self.alone.setdefault(mask.name, replace(mask, comparing=self.comparing))
        channel, actor = client.channel if client.role is Role.CHANNEL else "", by_api(client.name)
        return Viewer(
            client.name, client.role, mask, client.places, client.kinds, purpose, channel, self.counted, actor
        )

    def of_person(self, client: Client) -> Viewer:
        """Return the viewer for a client who is signed in to the console: a person in the log."""
        return replace(self.of_client(client), actor=by_person(client.name))

    def of_receiver(self, name: str) -> Viewer:
        return Viewer(name, None, self.receivers.get(name, EVERYTHING), counted=self.counted)

    def told(self, deliveries: Collection[str]) -> dict[str, Any]:
        """Return each role, client and receiver with its mask, and what each mask hides."""
        who = [_who(f"role {role}", *self.roles[role], may=sorted(self.of_role(role).actions)) for role in Role]
        who += [
            _who(f"client {name}", "as its role" if client.mask is None else client.mask, purpose=client.purpose)
            for name, client in self.clients.items()
        ]
        who += [_who(f"receiver {name}", self.of_receiver(name).mask) for name in deliveries]
        masks = {name: {"hides": mask.hidden_rules, "process": mask.process} for name, mask in self.masks.items()}
        return {"file": str(self.written.file) if self.written else None, "who": who, "masks": masks}

    def strangers(self, clients: Collection[str]) -> list[str]:
        """Report clients in the policy that do not exist."""
        unknown = sorted(set(self.clients).difference(clients))
        return [self._said("there is no such client", "clients", client, known=clients) for client in unknown]

    def loose_masks(self) -> list[str]:
        """Report masks that hide a number in one place only, though records repeat it."""
        return [
            self._said(
                f"{pattern.text} hides this number there alone; identifiers of the mask with {kind} hide it everywhere",
                *("masks", mask.name, "hides", at),
            )
            for mask in self.masks.values()
            if self.written is not None and mask.name not in MASKS
            for at, pattern in enumerate(mask.hides)
            for kind in KINDS
            if pattern.rest and pattern.rest[-1].endswith(kind) and kind not in mask.identifiers
        ]

    def _said(self, text: str, *path: str | int, known: Collection[str] = ()) -> str:
        hint = f"; {did_you_mean(str(path[-1]), known)}" if known else ""
        return _said(self.written, f"{text}{hint}", *path)


def _who(who: str, mask: Mask | str, purpose: bool | None = False, may: list[str] | None = None) -> dict[str, Any]:
    name = mask if isinstance(mask, str) else mask.name
    return {"who": who, "mask": name, "purpose": purpose, "may": may or []}


def _said(written: SettingsFile | None, text: str, *path: str | int) -> str:
    return f"{'' if written is None else f'{written.where(path)}: '}{dotted(path)}: {text}"


Lookups = Mapping[str, type[Record] | None]
Names = Collection[frozenset[str]]


def _meant(pattern: Pattern, lookups: Lookups) -> Collection[type[Record] | None]:
    """Return the record types of a rule; empty for an unknown lookup."""
    every = list(TYPED_RECORDS.values()) if pattern.is_of("*") else []
    return [*every, *(record for name, record in lookups.items() if pattern.is_of(name))]


def _nowhere(pattern: Pattern, lookups: Lookups) -> str | None:
    """Return why a rule matches nothing, or None. Rules on parts of the dossier are validated elsewhere."""
    head = pattern.text.partition("/")[0]
    if head.partition(".")[0] in PARTS:
        return None
    meant = _meant(pattern, lookups)
    if not meant:
        return f"no lookup {head} is loaded, {did_you_mean(head, lookups, 'nor one with nearly that name')}"
    if any(record is None or leads(record, pattern.rest, rule=True) for record in meant):
        return None
    return f"no record of {head} has {'.'.join(pattern.rest)}"


def _wider(pattern: Pattern, lookups: Lookups) -> Iterator[Pattern]:
    """Yield the replacements of a rule that matches nothing: everything it may have been meant for.

    That is the nearest parent; for an unknown lookup, all of its source and lookups with similar names.
    """
    head, below = pattern.text.partition("/")[0], "/*" if pattern.rest else ""
    meant = [record for record in _meant(pattern, lookups) if record is not None]
    if meant:
        above = (pattern.rest[:end] for end in range(len(pattern.rest) - 1, 0, -1))
        known = (steps for steps in above if any(leads(record, steps, rule=True) for record in meant))
        yield Pattern.parse(f"{head}/{'.'.join(next(known, ('*',)))}")
        return
    source, lower = head.partition(".")[0], {lookup.lower(): lookup for lookup in lookups}
    near = get_close_matches(head.lower(), lower)
    near += [name for name in lower if _source_of(name) == source.lower()]
    texts = [f"{head}{below}", f"{source}.*{below}", *(f"{lower[name]}{below}" for name in dict.fromkeys(near))]
    texts += sorted(f"appeal.{'.'.join(steps)}" for steps in fields_below(Appeal) if steps[-1] == source.lower())
    yield from map(Pattern.parse, texts)


def _source_of(lookup: str) -> str:
    return lookup.partition(".")[0].lower()


def _misspelt(written: SettingsFile, mask: Mask, lookups: Lookups, settings: Configuration) -> Iterator[Problem]:
    """Yield an error for each hiding rule that matches nothing and may have been meant for any field.

    A lookup that may merely be missing now, of a configured or used source, is no error.
    """
    asked = (name for contract in settings.completeness.values() for name in contract.names)
    sources = set(map(_source_of, (*lookups, *settings.sources, *asked)))
    fields = [".".join(steps) for steps in fields_below(Appeal)]
    for at, rule in enumerate(mask.hides):
        head = rule.text.partition("/")[0]
        source = _source_of(head)
        if source in (*PARTS, *sources) or _meant(rule, lookups):
            continue
        if rule.of_records and not any(source in steps.split(".") for steps in fields):
            continue
        near = get_close_matches(head.lower(), lookups, 1) or get_close_matches(source, PARTS[1:], 1, 0.8)
        last = rule.text.replace("/", ".").rpartition(".")[2]
        known = near or [f"appeal.{path}" for path in [path for path in fields if path.endswith(last)] or fields]
        text = head if near else f"appeal.{rule.text.replace('/', '.')}"
        hint = did_you_mean(text, known, 'a field of the appeal begins with "appeal."')
        where = ("masks", mask.name, "hides", at)
        yield Problem(written.where(where), dotted(where), f"no part of the dossier and no lookup is called so; {hint}")


def _closed(mask: Mask, lookups: Lookups, names: Names, of_some_kinds: Pattern | None) -> Mask:
    """Return a mask in which rules that match nothing show nothing, and hide all that they may mean.

    A rule on a lookup applies to all of its names, as a version contains the name of its time.
    """
    shows = [show for show in mask.shows if not _meant(show, lookups) or _nowhere(show, lookups) is None]
    hides = [(hide, _nowhere(hide, lookups)) for hide in mask.hides]
    wider = (new for rule, why in hides if why for new in _wider(rule, lookups))
    shown, hidden = (tuple(rule.under(names) for rule in rules) for rules in (shows, (*mask.hides, *wider)))
    by_kind = () if mask.shows_plan or of_some_kinds is None else (of_some_kinds,)
    return replace(mask, shows=shown, hides=(*hidden, *by_kind))


def _of_some_kinds(settings: Configuration, lookups: Lookups, names: Names) -> Pattern | None:
    """Return a rule on lookups used by some kinds of appeals only: they would disclose the kind."""
    contracts = [settings.contract(kind) for kind in (*AppealKind, None)]
    asked = [set(lookups) if contract.required is None else contract.names for contract in contracts]
    asked = [needed.union(*(group for group in names if needed & group)) for needed in asked]
    always = set.intersection(*asked)
    if all(needed == always for needed in asked):
        return None
    others = re.compile(rf"(?!(?:{'|'.join(map(re.escape, sorted(always)))})\Z).*")
    return Pattern("lookups of some kinds of appeals alone", others, (), of_records=True)


def _idle(written: SettingsFile, mask: Mask, lookups: Lookups) -> Iterator[str]:
    for name, patterns in (("shows", mask.shows), ("hides", mask.hides)):
        for at, pattern in enumerate(patterns):
            if why := _nowhere(pattern, lookups):
                hidden = ", ".join(wider.text for wider in _wider(pattern, lookups))
                does = "it shows nothing" if name == "shows" else f"until it is right, it hides {hidden}"
                yield _said(written, f"{why}; {does}", "masks", mask.name, name, at)


def read_policy(loaded: Loaded, host: Host | None = None) -> Policy:
    """Read the configured policy, or return the built-in one. Raises InvalidConfig with all errors in the file.

    The host supplies the known lookups and the terms; without one rules are not checked against them.
    """
    file = loaded.settings.bus.policy
    terms = () if host is None else host.brought("terms").values()
    counted = tuple(path_of(path) for term in terms for path in term.rests_on)
    assessors = {} if host is None else host.assessors
    comparing = tuple(name for name, assessor in assessors.items() if isinstance(assessor, PastAssessor))
    if file is None:
        return Policy(counted=counted, comparing=comparing)
    if not file.is_file():
        raise loaded.error(f"{file} is no file; write the path of the policy", "bus", "policy")
    written = load_written(file)
    settings = written.check(PolicySettings)
    problems = [
        *_reserved(written, settings),
        *_without_mask(written, settings),
        *_without_delivery(written, settings, loaded.settings.deliveries),
    ]
    if problems:
        raise InvalidConfig(problems)
    own = [_mask(name, mask) for name, mask in settings.masks.items()]
    lookups = {} if host is None else host.records
    problems = [flaw for mask in own if host is not None for flaw in _misspelt(written, mask, lookups, loaded.settings)]
    if problems:
        raise InvalidConfig(problems)
    idle = [] if host is None else [text for mask in own for text in _idle(written, mask, lookups)]
    masks = MASKS | {mask.name: mask for mask in own}
    if host is not None:
        names = host.lookup_names
        some = _of_some_kinds(loaded.settings, lookups, names)
        masks |= {mask.name: _closed(mask, lookups, names, some) for mask in own}
    roles = dict(ROLES)
    for role, given in settings.roles.items():
        mask, purpose = roles[role]
        mask = mask if given.mask is None else masks[given.mask]
        roles[role] = (mask, purpose if given.purpose is None else given.purpose)
    receivers = {name: masks[receiver.mask] for name, receiver in settings.receivers.items()}
    changes = {role: given.changes for role, given in settings.roles.items() if given.changes is not None}
    return Policy(
        masks, roles, settings.clients, receivers, written, changes, settings.channels, counted, idle, comparing
    )


def _mask(name: str, settings: MaskSettings) -> Mask:
    shows, hides = (tuple(map(Pattern.parse, texts)) for texts in (settings.shows, settings.hides))
    return Mask(name, shows, hides, tuple(settings.identifiers), settings.process)


def _reserved(written: SettingsFile, settings: PolicySettings) -> list[Problem]:
    return [
        Problem(written.where(("masks", name)), f"masks.{name}", "this mask is built in; write another name")
        for name in settings.masks
        if name in MASKS
    ]


def _without_mask(written: SettingsFile, settings: PolicySettings) -> list[Problem]:
    names = {*MASKS, *settings.masks}
    named = [(("roles", str(name), "mask"), role.mask) for name, role in settings.roles.items()]
    named += [(("clients", name, "mask"), client.mask) for name, client in settings.clients.items()]
    named += [(("receivers", name, "mask"), receiver.mask) for name, receiver in settings.receivers.items()]
    return [
        Problem(written.where(path), dotted(path), f"there is no such mask; {did_you_mean(mask, names)}")
        for path, mask in named
        if mask is not None and mask not in names
    ]


def _without_delivery(written: SettingsFile, settings: PolicySettings, deliveries: Collection[str]) -> list[Problem]:
    return [
        Problem(written.where(path), dotted(path), f"there is no such delivery; {did_you_mean(name, deliveries)}")
        for name in settings.receivers
        if name not in deliveries
        for path in [("receivers", name)]
    ]
