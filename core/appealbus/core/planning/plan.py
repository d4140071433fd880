"""The plan: which lookup waits for which, and what there is to ask. It follows from the declared paths alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from itertools import product
from typing import Any, get_args, get_origin

import orjson
from pydantic import BaseModel, ValidationError

from appealbus.core.interfaces.lookup import From, Lookup, Query
from appealbus.core.interfaces.outcomes import PENDING, not_applicable, skipped
from appealbus.core.planning.paths import Path, PathError, Value, check_path, parse_path, values
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.dossier import Input
from appealbus.schemas.outcome import Outcome
from appealbus.schemas.record import Record

Roots = Mapping[str | None, BaseModel | None]
"""Where paths start: the appeal under None, and a record of each upstream lookup that has one."""


class PlanError(Exception):
    """The lookups do not fit together. The text names the lookup, the field and what to write."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a lookup stands that another takes an input from.

    Attributes:
        how: its outcomes, in words.
        found: whether it has a record.
        pending: whether it may still find one more.

    """

    how: str
    found: bool
    pending: bool


@dataclass(frozen=True, slots=True)
class Binding:
    """One field of a query and the paths that feed it."""

    field: str
    paths: tuple[Path, ...]
    union: bool
    required: bool

    def candidates(self, roots: Roots) -> list[Value]:
        """Return the values for the field, in the order of the paths."""
        taken: list[Value] = []
        for path in self.paths:
            root = roots.get(path.lookup)
            if root is not None:
                taken.extend(values(path, root))
            if taken and not self.union:
                break
        return taken

    def waits_for(self, roots: Roots, standings: Mapping[str, Standing]) -> str | None:
        """Return the lookup that must end before the field has its value, if there is one.

        A later path never stands in for one whose lookup may still find something: the question would change.
        """
        if self.union:
            return None
        for path in self.paths:
            root = roots.get(path.lookup)
            if root is None and path.lookup is not None and standings[path.lookup].pending:
                return path.lookup
            if root is not None and values(path, root):
                return None
        return None


@dataclass(frozen=True, slots=True)
class Draft:
    """A question that is ready to be put, or the outcome of one that cannot be."""

    key: str
    inputs: tuple[Input, ...] = ()
    query: Query | None = None
    outcome: Outcome[Record] | None = None


@dataclass(frozen=True)
class Node:
    """A lookup in the plan."""

    lookup: Lookup[Any, Record]
    plugin: str
    plugin_version: str
    legal_basis: str

    @cached_property
    def _models(self) -> tuple[type[Query], type[Record]]:
        for base in type(self.lookup).__mro__:
            for generic in getattr(base, "__orig_bases__", ()):
                if get_origin(generic) is Lookup:
                    query, record = get_args(generic)
                    if isinstance(query, type) and isinstance(record, type):
                        return query, record
        raise PlanError(f"{self.lookup.name}: write class {type(self.lookup).__name__}(Lookup[YourQuery, YourRecord])")

    @property
    def query_model(self) -> type[Query]:
        """The model of the declared inputs."""
        return self._models[0]

    @property
    def record_model(self) -> type[Record]:
        """The model of the answer."""
        return self._models[1]

    @cached_property
    def bindings(self) -> tuple[Binding, ...]:
        """The fields of the query with their paths."""
        found = []
        for name, field in self.query_model.model_fields.items():
            source = next((item for item in field.metadata if isinstance(item, From)), None)
            if source is None or not source.paths:
                raise PlanError(
                    f"{self.lookup.name}: field {name!r} needs a path: Annotated[..., From('applicant.iin')]"
                )
            try:
                paths = tuple(parse_path(text) for text in source.paths)
            except PathError as error:
                raise PlanError(f"{self.lookup.name}: field {name!r}: {error}") from None
            found.append(Binding(name, paths, source.union, field.is_required()))
        return tuple(found)

    @cached_property
    def upstream(self) -> tuple[str, ...]:
        """The lookups whose records the inputs come from."""
        return tuple(dict.fromkeys(p.lookup for b in self.bindings for p in b.paths if p.lookup is not None))

    def check(self, models: Mapping[str, type[Record]] | None = None) -> None:
        """Check that the paths lead somewhere: into the appeal, and into the records of the given lookups.

        Raises:
            PlanError: naming the lookup, the field and what to write.

        """
        for binding in self.bindings:
            for path in binding.paths:
                if path.lookup is not None and models is None:
                    continue
                root = Appeal if path.lookup is None else (models or {}).get(path.lookup)
                where = f"{self.lookup.name}: field {binding.field!r}"
                if root is None:
                    names = ", ".join(sorted(models or {}))
                    raise PlanError(f"{where}: no lookup {path.lookup!r} is active; there are: {names}")
                try:
                    check_path(path, root)
                except PathError as error:
                    raise PlanError(f"{where}: {error}") from None
        fanning = [b.field for b in self.bindings if b.union or any(p.fans_out for p in b.paths)]
        if len(fanning) > 1:
            raise PlanError(f"{self.lookup.name}: only one field may fan out, not {' and '.join(fanning)}")

    def drafts(
        self,
        appeal: Appeal,
        records: Mapping[str, Sequence[Record]],
        standings: Mapping[str, Standing],
        limit: int,
    ) -> list[Draft]:
        """Return what there is to ask, each distinct question once, and why not where there is nothing.

        Args:
            appeal: the appeal.
            records: what the upstream lookups found.
            standings: how each upstream lookup stands.
            limit: the most questions that the lookup may fan out into.

        """
        drafts: dict[str, Draft] = {}
        for roots in self._roots(appeal, records):
            for draft in self._drafts_from(roots, standings):
                drafts.setdefault(draft.key, draft)
        # An empty combination beside real questions is no gap: another record or path gave the values.
        kept = [draft for draft in drafts.values() if draft.query is not None or draft.inputs]
        if len(kept) > limit:
            reason = f"more than {limit} questions from one appeal; {len(kept) - limit} were left out"
            kept = [*kept[:limit], Draft("overflow", outcome=not_applicable(reason, "inputs.too_many"))]
        pending = next((name for name in self.upstream if standings[name].pending), None)
        if pending is not None:
            return [*kept, _skip(pending, standings)]
        return kept or list(drafts.values())

    def _roots(self, appeal: Appeal, records: Mapping[str, Sequence[Record]]) -> Iterator[Roots]:
        if not self.upstream:
            yield {None: appeal}
            return
        choices: list[Sequence[Record | None]] = [records.get(name) or (None,) for name in self.upstream]
        for chosen in product(*choices):
            yield {None: appeal, **dict(zip(self.upstream, chosen, strict=True))}

    def _drafts_from(self, roots: Roots, standings: Mapping[str, Standing]) -> Iterator[Draft]:
        fixed: dict[str, Value] = {}
        fanned: list[tuple[str, list[Value]]] = []
        for binding in self.bindings:
            if self.upstream and (name := binding.waits_for(roots, standings)) is not None:
                yield _skip(name, standings)
                return
            candidates = binding.candidates(roots)
            if len(candidates) > 1:
                fanned.append((binding.field, candidates))
            elif candidates:
                fixed[binding.field] = candidates[0]
        if not fanned:
            yield self._draft(fixed, standings)
            return
        field, candidates = fanned[0]
        for value in candidates:
            yield self._draft({**fixed, field: value}, standings)

    def _draft(self, chosen: Mapping[str, Value], standings: Mapping[str, Standing]) -> Draft:
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
        return Draft(_key(dict(query)), inputs, query)


def _absent(paths: Sequence[Path], inputs: tuple[Input, ...], standings: Mapping[str, Standing]) -> Draft:
    for path in paths:
        if path.lookup is not None and not standings[path.lookup].found:
            return _skip(path.lookup, standings, inputs)
    where = " or ".join(path.text for path in paths)
    return Draft("", inputs, outcome=not_applicable(f"there is nothing at {where}"))


def _skip(name: str, standings: Mapping[str, Standing], inputs: tuple[Input, ...] = ()) -> Draft:
    standing = standings[name]
    code = PENDING if standing.pending else "input.missing"
    return Draft("", inputs, outcome=skipped(f"{name} ended in {standing.how}", code))


def _key(values_: Mapping[str, object]) -> str:
    return blake2b(orjson.dumps(values_, default=str, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()


class Plan:
    """The lookups in an order in which each stands behind all that it takes inputs from."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        """Check all paths and find the order.

        Raises:
            PlanError: for a path that leads nowhere, an unknown lookup, or a circle.

        """
        by_name = {node.lookup.name: node for node in nodes}
        models = {name: node.record_model for name, node in by_name.items()}
        for node in nodes:
            node.check(models)
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
            raise PlanError(f"{name}: lookups wait for each other in a circle: {circle}")
        trail.append(name)
        for upstream in node.upstream:
            visit(by_name[upstream])
        trail.pop()
        done.add(name)
        order.append(node)

    for node in nodes:
        visit(node)
    return tuple(order)
