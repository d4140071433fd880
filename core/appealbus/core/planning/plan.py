"""The plan: dependencies of lookups and their questions, derived from declared paths alone."""

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from itertools import chain
from typing import Any

import orjson
from pydantic import ValidationError

from appealbus.core.domain.case import MISSING, PENDING
from appealbus.core.errors import AppealBusError
from appealbus.core.interfaces.lookup import From, Lookup, Query, models_of, not_applicable, skipped
from appealbus.core.planning.inputs import (
    UNKNOWN,
    Chosen,
    Draft,
    InputBinding,
    InputState,
    Known,
    Lineage,
    Roots,
    elements_of,
    joined,
    may_have,
    meet,
)
from appealbus.core.planning.paths import Path, PathError, Value, check_path, parse_path, touch
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.dossier import Input
from appealbus.schemas.record import Record

_Place = tuple[str, tuple[int, ...]]

_LOOKS = 10_000
"""Combinations tried for a query, beyond ten per allowed question. Takes a tenth of a second."""


class PlanError(AppealBusError):
    """The lookups do not fit together. The text names the lookup, the field and the fix."""

    def __init__(self, lookup: str, text: str) -> None:
        super().__init__(f"{lookup}: {text}")
        self.lookup = lookup


def renamed_path(path: str, present: Mapping[str, str]) -> str:
    head, slash, rest = path.partition("/")
    return f"{present.get(head, head)}/{rest}" if slash else path


@dataclass(frozen=True)
class Node:
    lookup: Lookup[Any, Record]
    plugin: str
    plugin_version: str
    legal_basis: str
    present: Mapping[str, str] = field(default_factory=dict)
    """Current names of lookups, by former name, which paths may still use."""
    taken: set[str] = field(default_factory=set)
    """Fields of its record that feed other lookups."""

    @cached_property
    def _models(self) -> tuple[type[Query], type[Record]]:
        models = models_of(type(self.lookup))
        if models is None:
            name = type(self.lookup).__name__
            raise PlanError(self.lookup.name, f"write class {name}(Lookup[YourQuery, YourRecord])")
        return models

    @property
    def query_model(self) -> type[Query]:
        return self._models[0]

    @property
    def record_model(self) -> type[Record]:
        return self._models[1]

    def decides(self, fields: Iterable[str]) -> bool:
        """Whether a field is decisive: declared by the lookup, or an input of others."""
        return any(touch(name, path) for name in fields for path in (*self.lookup.decisive, *self.taken))

    @cached_property
    def bindings(self) -> tuple[InputBinding, ...]:
        bindings = []
        for name, declared in self.query_model.model_fields.items():
            source = next((item for item in declared.metadata if isinstance(item, From)), None)
            if source is None or not source.paths:
                raise PlanError(self.lookup.name, f"field {name!r} needs a path: Annotated[..., From('applicant.iin')]")
            try:
                paths = tuple(parse_path(renamed_path(text, self.present)) for text in source.paths)
            except PathError as error:
                raise PlanError(self.lookup.name, f"field {name!r}: {error}") from None
            bindings.append(InputBinding(name, paths, source.union, declared.is_required()))
        return tuple(bindings)

    @cached_property
    def upstream(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(p.lookup for b in self.bindings for p in b.paths if p.lookup is not None))

    def check_names(self) -> None:
        """Check the declared former names; PlanError says what to write."""
        formerly: Any = self.lookup.formerly
        if not isinstance(formerly, tuple) or not all(isinstance(name, str) and name for name in formerly):
            raise PlanError(self.lookup.name, 'formerly is a tuple of names: write formerly = ("old.name",)')

    def check(self, models: Mapping[str, type[Record]] | None = None) -> None:
        """Check the paths into the appeal and into the records of the given lookups; PlanError names the fix."""
        for binding in self.bindings:
            for path in binding.paths:
                if path.lookup is not None and models is None:
                    continue
                root = Appeal if path.lookup is None else (models or {}).get(path.lookup)
                where = f"field {binding.field!r}"
                if root is None:
                    names = ", ".join(sorted(models or {}))
                    raise PlanError(
                        self.lookup.name, f"{where}: no lookup {path.lookup!r} is active; there are: {names}"
                    )
                try:
                    check_path(path, root)
                except PathError as error:
                    raise PlanError(self.lookup.name, f"{where}: {error}") from None
        lost = [
            name for name in self.lookup.decisive if re.split(r"[.[]", name)[0] not in self.record_model.model_fields
        ]
        if lost:
            raise PlanError(self.lookup.name, f"decisive: {self.record_model.__name__} has no field {lost[0]!r}")
        fanning = [b.field for b in self.bindings if b.fans_out]
        if len(fanning) > 1:
            raise PlanError(self.lookup.name, f"only one field may fan out, not {' and '.join(fanning)}")

    def drafts(
        self,
        appeal: Appeal,
        known: Mapping[str, Sequence[Known]],
        standings: Mapping[str, InputState],
        limit: int,
        key_of: Callable[[str], str] = str,
    ) -> list[Draft]:
        """Return distinct questions, at most `limit`, or the reasons why there are none.

        `known` and `standings` are records and states of upstream lookups; `key_of` makes a question's key.
        """
        kept: dict[str, Draft] = {}
        origins: dict[str, dict[str, set[Hashable]]] = defaultdict(lambda: defaultdict(set))
        empty: Draft | None = None
        overflow = ""
        for looks, look in enumerate(self._each(appeal, known, standings)):
            if looks >= 10 * limit + _LOOKS:
                overflow = "its inputs go together in too many ways; the rest was left out"
                break
            if look is None:
                continue
            draft, lineage = look
            if draft.query is None and not draft.inputs:
                # An empty combination beside real questions is no gap: another record or path gave the values.
                empty = empty or draft
            elif draft.key not in kept:
                if len(kept) == limit:
                    overflow = f"more than {limit} questions from one appeal; the rest was left out"
                    break
                kept[draft.key] = draft
            for name, elements in lineage.items():
                origins[draft.key][name] |= elements
        drafts = [Draft(key_of(key), old.inputs, old.query, old.outcome, origins[key]) for key, old in kept.items()]
        if overflow:
            drafts.append(Draft("overflow", outcome=not_applicable(overflow, "inputs.too_many")))
        if appeal.as_written and (unknown := self._unknown(appeal, asks=bool(drafts))) is not None:
            empty = unknown
            drafts += [unknown] if drafts else []
        pending = next((name for name in self.upstream if standings[name].pending), None)
        if pending is not None:
            return [*(draft for draft in drafts if draft.key), _skip(pending, standings)]
        return drafts or ([] if empty is None else [empty])

    def _unknown(self, appeal: Appeal, *, asks: bool) -> Draft | None:
        """Return a draft for a possible further question, if the appeal may hold an unreadable input."""
        inputs = [
            (path, binding) for binding in self.bindings if binding.required or not asks for path in binding.paths
        ]
        where = " or ".join(path.text for path, slot in inputs if may_have(appeal, path, self.query_model, slot.field))
        reason = f"what the appeal says could not be read, and may be {where}"
        return Draft("", outcome=not_applicable(reason, UNKNOWN)) if where else None

    def _each(
        self, appeal: Appeal, known: Mapping[str, Sequence[Known]], standings: Mapping[str, InputState]
    ) -> Iterator[tuple[Draft, Lineage] | None]:
        """Yield drafts as found, with duplicates; None for records that lead to none."""
        made: dict[Hashable, Draft] = {}
        picked: set[_Place] = set()
        beside = False
        for chosen, common in self._combinations(known):
            left = picked if beside and not chosen else None
            beside = bool(chosen)
            roots: Roots = {None: appeal, **{name: fact.record for name, fact in chosen.items()}}
            waits = self._waits_for(roots, standings)
            if waits:
                yield _skip(waits, standings), common
                continue
            leads = False
            for picks, lineage in self._picks(roots, chosen, common, left):
                leads = True
                if chosen:
                    picked.update((value.path.text, value.at) for value in picks.values())
                same = tuple((name, type(value.value), str(value.value)) for name, value in picks.items())
                draft = made.get(same)
                if draft is None:
                    draft = made[same] = self._draft(picks, standings)
                yield draft, lineage
            if not leads:
                yield None

    def _waits_for(self, roots: Roots, standings: Mapping[str, InputState]) -> str | None:
        if not self.upstream:
            return None
        return next(filter(None, (binding.waits_for(roots, standings) for binding in self.bindings)), None)

    def _combinations(self, known: Mapping[str, Sequence[Known]]) -> Iterator[tuple[Chosen, Lineage]]:
        yield from joined(self.upstream, known)
        if any(known.get(name) for name in self.upstream) and any(b.fans_out and b.of_appeal for b in self.bindings):
            yield {}, {}  # for what the appeal lists and no record goes with

    def _picks(
        self, roots: Roots, chosen: Chosen, common: Lineage, gone: Set[_Place] | None
    ) -> Iterator[tuple[Mapping[str, Value], Lineage]]:
        """Yield values for the query from related records; skip list elements in `gone`."""
        fixed: dict[str, Value] = {}
        fanned: tuple[InputBinding, Iterator[Value]] | None = None
        for binding in self.bindings:
            candidates = binding.candidates(roots)
            first = next(candidates, None)
            if first is not None and binding.fans_out:
                fanned = binding, chain((first,), candidates)
            elif first is not None:
                fixed[binding.field] = first
        if fanned is None:
            if gone is None:
                yield fixed, common
            return
        binding, candidates = fanned
        for value in candidates:
            lineage = meet(common, elements_of(value, binding.paths, chosen))
            if lineage is not None and not (gone and (value.path.text, value.at) in gone):
                yield {**fixed, binding.field: value}, lineage

    def _draft(self, chosen: Mapping[str, Value], standings: Mapping[str, InputState]) -> Draft:
        inputs = tuple(
            Input(name=name, value=str(value.value), path=value.path.text, span=value.span)
            for name, value in chosen.items()
        )
        for binding in self.bindings:
            if binding.required and binding.field not in chosen:
                return _absent(binding.paths, inputs, standings)
        try:
            query = self.query_model(**{name: value.value for name, value in chosen.items()})
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(map(str, first["loc"])) or "inputs"
            reason = f"{field}: {first['msg'].removeprefix('Value error, ')}"
            key = _key({name: str(value.value) for name, value in chosen.items()})
            return Draft(key, inputs, outcome=not_applicable(reason, "inputs.malformed"))
        lacking = query.absent()
        if lacking is not None:
            paths = [path for binding in self.bindings if binding.field not in chosen for path in binding.paths]
            if any(path.lookup and not standings[path.lookup].found for path in paths):
                return _absent(paths, inputs, standings)
            return Draft("", inputs, outcome=not_applicable(lacking))
        return Draft(_key(vars(query)), inputs, query)  # dict(query) takes ten times as long


def _absent(paths: Sequence[Path], inputs: tuple[Input, ...], standings: Mapping[str, InputState]) -> Draft:
    for path in paths:
        if path.lookup is not None and not standings[path.lookup].found:
            return _skip(path.lookup, standings, inputs)
    where = " or ".join(path.text for path in paths)
    return Draft("", inputs, outcome=not_applicable(f"there is nothing at {where}"))


def _skip(name: str, standings: Mapping[str, InputState], inputs: tuple[Input, ...] = ()) -> Draft:
    standing = standings[name]
    code = PENDING if standing.pending else MISSING
    return Draft("", inputs, outcome=skipped(f"{name} ended in {standing.how}", code))


def _key(values_: Mapping[str, object]) -> str:
    return blake2b(orjson.dumps(values_, default=str, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()


class Plan:
    """The lookups, each after those that feed it."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        """Check all paths and sort the lookups. PlanError for an invalid path, an unknown lookup, or a cycle."""
        by_name = {node.lookup.name: node for node in nodes}
        models = {name: node.record_model for name, node in by_name.items()}
        for node in nodes:
            node.check(models)
            for path in (path for binding in node.bindings for path in binding.paths):
                if path.lookup is not None:
                    by_name[path.lookup].taken.add(path.text.partition("/")[2])
        self.nodes = _ordered(nodes, by_name)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)


def _ordered(nodes: Sequence[Node], by_name: Mapping[str, Node]) -> tuple[Node, ...]:
    order: list[Node] = []
    trail: list[str] = []
    done: set[str] = set()

    def visit(node: Node) -> None:
        name = node.lookup.name
        if name in done:
            return
        if name in trail:
            circle = " → ".join([*trail[trail.index(name) :], name])
            raise PlanError(name, f"lookups wait for each other in a circle: {circle}")
        trail.append(name)
        for upstream in node.upstream:
            visit(by_name[upstream])
        trail.pop()
        done.add(name)
        order.append(node)

    for node in nodes:
        visit(node)
    return tuple(order)
