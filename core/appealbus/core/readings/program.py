"""A compiled reading: a trie of its declarations, and the work after the walk."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from pydantic import BaseModel

from appealbus.core.readings import steps
from appealbus.core.readings.declare import At, By, Declaration, Declared, Present, ReadingSpec, Tree, annotated
from appealbus.core.readings.fieldtypes import FieldType, field_type
from appealbus.core.readings.layout import entry_at, settle, spoil_at
from appealbus.core.readings.nodes import Node, tree
from appealbus.core.readings.paths import REST, SELF, DeclarationError, ReplyPath
from appealbus.core.readings.trie import BAD, Entry, Key, Level, Run, Step, Table, Unreadable, walk
from appealbus.core.readings.unknown import FieldPlace
from appealbus.core.replies.convert import Converter, converters
from appealbus.schemas.record import Coded


@dataclass(frozen=True, slots=True)
class Around:
    """The parent of a model made of the same element: its entries, and its field for the model."""

    level: Level
    name: Key
    needed: bool


class Program:
    def __init__(
        self, spec: ReadingSpec, inside: tuple[type[BaseModel], ...] = (), around: "Around | None" = None
    ) -> None:
        """Compile the declarations; DeclarationError if one can never work.

        `inside` has enclosing models, to detect recursion; `around` is the parent made of the same element.
        """
        self.model = spec.model
        self.level = around.level if around is not None else Level()
        self.paths: dict[str, str] = {}
        """Declared paths by field."""
        self.inner: dict[str, Program] = {}
        self.optional: set[str] = set()
        """Single fields, scalar or model, that the record may lack."""
        self._spec = spec
        self._around = around
        self._keys: dict[str, Key] = {name: name if around is None else (around.name, name) for name in spec.fields}
        self._inside = (*inside, spec.model)
        self._converters = converters(spec.zone, comma=spec.comma)
        self._own: list[Step] = []
        self._finish: list[steps.Finish] = []
        self._needed: set[str] = set()
        by_name = spec.model.model_config.get("populate_by_name") or spec.model.model_config.get("validate_by_name")
        for name, declared in spec.fields.items():
            if spec.model.model_fields[name].validation_alias is not None and not by_name:
                raise self._wrong(name, "it has an alias, and is filled by its name; set populate_by_name in the model")
            self._declare(name, declared)
        for name, field in spec.model.model_fields.items():
            if field.is_required():
                if name not in spec.fields:
                    raise DeclarationError(f"{spec.model.__name__}.{name} is required, and no path leads to it")
                self._needed.add(name)
        if around is None:
            settle(self.level)

    @cached_property
    def places(self) -> tuple[FieldPlace, ...]:
        """Places of all fields, each followed by those of its nested model."""
        return tuple(self._places())

    def _places(self) -> Iterator[FieldPlace]:
        for name, declared in self._spec.fields.items():
            kind = self._type(name)
            lists = kind is not None and kind.each
            ways = declared if isinstance(declared, tuple) else (declared,)
            paths = [
                (path, isinstance(way, By) and len(way.paths) > 1)
                for way in ways
                for path in (() if isinstance(way, ReadingSpec) else (At(way) if isinstance(way, str) else way).paths)
            ]
            if isinstance(declared, ReadingSpec):
                paths = [(ReplyPath(SELF, (), ()), False)]
            is_open = kind is None or kind.open
            for path, is_part in [(path.repeated() if lists else path, is_part) for path, is_part in paths]:
                if path.end == REST:
                    continue
                end = (path.end,) if path.end.startswith("@") else ()
                yield FieldPlace(name, (*path.steps, *end), (*path.each, *(False for _ in end)), is_open, is_part)
                for inner in self.inner[name].places if name in self.inner else ():
                    field = f"{name}{'[*]' if lists else ''}.{inner.field}"
                    yield FieldPlace(
                        field, (*path.steps, *inner.steps), (*path.each, *inner.each), is_part=inner.is_part
                    )

    def part(self, node: Node, run: Run, *, each: bool = False) -> Table | None:
        """Return the table of a nested model; None if empty. Unreadable if it is incomplete, or a lost list item."""
        table = self._table(node, run)
        if not table:
            run.misses(node)
        if not self._needed <= table.keys():
            if not table and not each:
                return None
            lacking = next(name for name in self.model.model_fields if name in self._needed - table.keys())
            raise Unreadable(run.below(node, self.paths[lacking]))
        return table or ({} if each else None)

    def collect(self, node: Node, table: Table, run: Run) -> Table | None:
        """Extract the table of a model made of the parent's element; None if absent. Unreadable if it is required."""
        for step in (*self._own, *self._finish):
            step(node, table, run)
        part = {name: table.pop(key) for name, key in self._keys.items() if key in table}
        lacking = [name for name in self._needed if part.get(name, BAD) is BAD]
        if lacking and self._around is not None and self._around.needed:
            raise Unreadable(run.below(node, self.paths[lacking[0]]))
        return None if lacking else part or None

    def _table(self, node: Node, run: Run) -> Table:
        table: Table = {}
        for step in self._own:
            step(node, table, run)
        walk(node, self.level, table, run)
        for finish in self._finish:
            finish(node, table, run)
        return table

    def _type(self, name: str) -> FieldType | None:
        kind = field_type(self.model.model_fields[name])
        if kind is None or self._around is None or self._around.needed:
            return kind
        return replace(kind, needed=False)

    def _declare(self, name: str, declared: Declared) -> None:
        kind, key = self._type(name), self._keys[name]
        if isinstance(declared, ReadingSpec):
            self._same_element(name, declared, kind)
            return
        ways = [
            At(way) if isinstance(way, str) else way
            for way in (declared if isinstance(declared, tuple) else (declared,))
        ]
        self.paths[name] = ways[0].paths[0].text
        if not self.model.model_fields[name].is_required() if kind is None else not (kind.needed or kind.each):
            self.optional.add(name)
        places = [(way, path) for way in ways for path in ([way.paths[0]] if isinstance(way, By) else way.paths)]
        keys: list[Key] = [key] if len(places) == 1 else [(key, i) for i in range(len(places))]
        for slot, (way, path) in zip(keys, places, strict=True):
            if isinstance(way, By):
                self._by(slot, way, kind)
            else:
                self._at(name, slot, way, path, kind)
        if len(places) > 1:
            together = kind is not None and kind.each and not any(isinstance(way, By) for way in ways)
            self._finish.append(steps.joined(key, keys) if together else steps.first(key, keys))

    def _at(self, name: str, key: Key, way: Declaration, path: ReplyPath, kind: FieldType | None) -> None:
        self._spoil(
            path, steps.spoilt_all if kind is not None and (kind.needed or kind.each) else steps.spoilt_value(key)
        )
        self._check_end(name, way, path, kind)
        if isinstance(way, Present):
            self._place(path, steps.present(key))
            if kind is None or kind.needed:  # else the field's own default says that it is not there
                self._finish.append(steps.absent(key))
            return
        if kind is None:
            raise self._wrong(name, "its type says nothing about how to read it; write By(function, ...)")
        if kind.each:
            path = path.repeated()
        elif path.repeats:
            raise self._wrong(name, f"it is no list, and {path.text!r} leads to several values")
        if path.end == REST:
            self._rest(name, key, path, kind)
        elif isinstance(way, Tree) or kind.open:
            self._place(
                path,
                steps.listing(key, lambda node, run: tree(node)) if kind.each else steps.whole(key, own=not path.steps),
            )
        elif kind.model is not None:
            program = self._nested(name, way, kind)
            self._place(path, _model_step(key, program, kind))
            if path.steps:
                self._entry(path).nested.append(program.level)
        else:
            word, convert = self._converters.get(kind.scalar or str, ("value", None))
            word = (isinstance(way, At) and way.word) or word
            self._single(path, key, kind, convert, word)

    def _check_end(self, name: str, way: Declaration, path: ReplyPath, kind: FieldType | None) -> None:
        if path.end.startswith("@") and (isinstance(way, Present | Tree) or (kind is not None and kind.scalar is None)):
            raise self._wrong(name, f"{path.text!r} leads to an attribute, which is a text and nothing more")
        if isinstance(way, Present) and path.end:
            raise self._wrong(name, f"{path.text!r} leads to no element; write the path of the element")

    def _single(self, path: ReplyPath, key: Key, kind: FieldType, convert: Converter | None, word: str) -> None:
        if kind.each:
            self._place(path, steps.listing(key, steps.value_of(path.end, convert, word)))
        elif path.end or not path.steps:
            self._place(path, steps.value(key, path.end, convert, word, kind.needed))
        else:
            entry = self._entry(path)
            if entry.field is None:
                entry.field, entry.convert, entry.word, entry.needed = key, convert, word, kind.needed
            else:  # two fields read the same element
                entry.steps.append(steps.value(key, "", convert, word, kind.needed))

    def _by(self, key: Key, way: By, kind: FieldType | None) -> None:
        parts: list[Key] = []
        for path in way.paths:
            if path.end == REST:
                raise DeclarationError(f"{way!r}: a function gets texts, and * leads to none; write out the paths")
            part = (key, way, len(parts))
            parts.append(part)
            read = steps.part_at(path.end)
            self._spoil(path, steps.spoilt_list(part) if path.repeats else steps.spoilt_value(part))
            if path.repeats:
                self._place(path, steps.listing(part, read))
            else:
                self._place(
                    path, steps.plain(part, read) if path.end or not path.steps else steps.text(part, self._entry(path))
                )
        needed = kind is not None and kind.needed
        self._finish.append(steps.made(key, parts, way, needed))

    def _same_element(self, name: str, declared: ReadingSpec, kind: FieldType | None) -> None:
        if kind is None or kind.model is None or kind.each:
            raise self._wrong(name, "a Reading stands for one nested model")
        around = Around(self.level, self._keys[name], kind.needed)
        program = self.inner[name] = Program(declared, self._inside, around)
        self.paths[name] = "."
        if not kind.needed:
            self.optional.add(name)
        self._finish.append(steps.collected(self._keys[name], program))

    def _nested(self, name: str, way: Declaration, kind: FieldType) -> "Program":
        given = way.of if isinstance(way, At) else None
        if kind.model is None:
            raise self._wrong(name, "it is no model")
        if kind.coded:
            program: Program = _CodedProgram(given or _coded(self._spec))
        elif given is not None:
            program = Program(given)
        elif kind.model in self._inside:
            what = f"{kind.model.__name__} has itself in it; write Tree(path), or By(function, path)"
            raise self._wrong(name, what)
        else:
            program = Program(_Nested(self._spec, kind.model, annotated(kind.model)), self._inside)
        if not issubclass(program.model, kind.model):
            raise self._wrong(name, f"its type is {kind.model.__name__}, and {program.model.__name__} is read")
        self.inner[name] = program
        return program

    def _rest(self, name: str, key: Key, path: ReplyPath, kind: FieldType) -> None:
        if not kind.open or kind.each:
            raise self._wrong(name, "what no other field takes needs a field of the type dict[str, JsonValue]")
        level = self._entry(path).within() if path.steps else self.level
        level.rest = steps.rest(key)

    def _place(self, path: ReplyPath, step: Step) -> None:
        if path.steps:
            self._entry(path).steps.append(step)
        else:
            self._own.append(step)

    def _spoil(self, path: ReplyPath, step: Step) -> None:
        spoil_at(self.level, path, step, self._spec.xml, self.model.__name__)

    def _entry(self, path: ReplyPath) -> Entry:
        return entry_at(self.level, path, self._spec.xml, self.model.__name__)

    def _wrong(self, name: str, what: str) -> DeclarationError:
        return DeclarationError(f"{self.model.__name__}.{name}: {what}")


def _model_step(key: Key, program: Program, kind: FieldType) -> Step:
    if kind.each:
        return steps.nested_each(key, program)
    if isinstance(program, _CodedProgram) and program.plain:
        return steps.coded(key, program.level, kind.needed)
    return steps.nested(key, program, kind.needed)


class _CodedProgram(Program):
    """Reads a dictionary value: a missing code becomes "", since the names have information, too."""

    def __init__(self, spec: ReadingSpec) -> None:
        super().__init__(spec)
        self._needed.clear()
        self.plain = not self._own and not self._finish
        """Whether a walk is enough."""

    def part(self, node: Node, run: Run, *, each: bool = False) -> Table | None:
        table = self._table(node, run)
        if table and "code" not in table:
            table["code"] = ""
        return table or None


def _coded(around: ReadingSpec) -> "_Nested":
    code, ru, kk = around.codes
    return _Nested(around, Coded, {"code": code, "name_ru": ru, "name_kk": kk})


class _Nested(ReadingSpec):
    """A nested model's own declarations, with the settings of the enclosing reading."""

    def __init__(self, around: ReadingSpec, model: type[BaseModel], fields: dict[str, Declared]) -> None:
        self.model = model
        self.fields = fields
        self.codes, self.zone, self.comma, self.xml = around.codes, around.zone, around.comma, around.xml
        self.origin = around.origin
