"""A reading, made ready: its declarations laid into a trie, and what is left to do once that was walked."""

from pydantic import BaseModel

from appealbus.core.readings import steps
from appealbus.core.readings.declare import At, By, Declaration, Declared, Present, ReadingSpec, Tree, annotated
from appealbus.core.readings.fieldtypes import FieldType, field_type
from appealbus.core.readings.layout import entry_at, settle
from appealbus.core.readings.nodes import Node, tree
from appealbus.core.readings.paths import REST, DeclarationError, ReplyPath
from appealbus.core.readings.trie import Entry, Key, Level, Run, Step, Table, Unreadable, walk
from appealbus.core.replies.convert import Converter, converters
from appealbus.schemas.record import Coded


class Program:
    """What reads one model."""

    def __init__(self, spec: ReadingSpec) -> None:
        """Lay out the declarations.

        Raises:
            DeclarationError: one of them can never work.

        """
        self.model = spec.model
        self.level = Level()
        self.paths: dict[str, str] = {}
        """Where each field stands, as declared."""
        self.inner: dict[str, Program] = {}
        """What reads the nested models."""
        self.optional: set[str] = set()
        """Fields without which there still is a record: one single value, or one nested model."""
        self._spec = spec
        self._converters = converters(spec.zone, comma=spec.comma)
        self._own: list[Step] = []
        self._finish: list[steps.Finish] = []
        self._needed: set[str] = set()
        for name, declared in spec.fields.items():
            self._declare(name, declared)
        for name, field in spec.model.model_fields.items():
            if field.is_required():
                if name not in spec.fields:
                    raise DeclarationError(f"{spec.model.__name__}.{name} is required, and no path leads to it")
                self._needed.add(name)
        settle(self.level)

    def part(self, node: Node, run: Run, *, each: bool = False) -> Table | None:
        """Return what a part of a record is made of; None where there is nothing in it.

        Args:
            node: its element.
            run: the reading under way.
            each: it is one of a list, which must not lack it silently.

        Raises:
            Unreadable: something is missing or broken that it needs.

        """
        table: Table = {}
        for step in self._own:
            step(node, table, run)
        walk(node, self.level, table, run)
        for finish in self._finish:
            finish(node, table, run)
        if not self._needed <= table.keys():
            if not table and not each:
                return None
            lacking = next(name for name in self.model.model_fields if name in self._needed - table.keys())
            raise Unreadable(f"{run.path(node)}/{self.paths[lacking]}".removeprefix("./"))
        return table or ({} if each else None)

    def declared_names(self) -> list[str]:
        """Return the names of elements that stand directly in the one that is read."""
        return list(self.level.declared)

    def _declare(self, name: str, declared: Declared) -> None:
        kind = field_type(self.model.model_fields[name])
        if isinstance(declared, ReadingSpec):
            self._same_element(name, declared, kind)
            return
        ways = [
            At(way) if isinstance(way, str) else way
            for way in (declared if isinstance(declared, tuple) else (declared,))
        ]
        self.paths[name] = ways[0].paths[0].text
        if kind is not None and not kind.needed and not kind.each:
            self.optional.add(name)
        if len(ways) == 1 and isinstance(ways[0], At) and len(ways[0].paths) == 1:
            self._at(name, name, ways[0], ways[0].paths[0], kind)
            return
        keys: list[Key] = []
        for way in ways:
            if isinstance(way, By):
                keys.append((name, len(keys)))
                self._by(name, keys[-1], way, kind)
                continue
            for path in way.paths:
                keys.append((name, len(keys)) if len(ways) > 1 or len(way.paths) > 1 else name)
                self._at(name, keys[-1], way, path, kind)
        together = kind is not None and kind.each and all(isinstance(way, At) for way in ways)
        if keys != [name]:
            self._finish.append(steps.joined(name, keys) if together else steps.first(name, keys))

    def _at(self, name: str, key: Key, way: Declaration, path: ReplyPath, kind: FieldType | None) -> None:
        """Lay out one path of one field."""
        if isinstance(way, Present):
            self._place(path, steps.present(key))
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
            self._place(path, steps.listing(key, lambda node, run: tree(node)) if kind.each else steps.whole(key))
        elif kind.model is not None:
            program = self._nested(name, way, kind)
            self._place(path, steps.nested_each(key, program) if kind.each else steps.nested(key, program, kind.needed))
        else:
            word, convert = self._converter(kind)
            word = (isinstance(way, At) and way.word) or word
            self._single(path, key, kind, convert, word)

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

    def _by(self, name: str, key: Key, way: By, kind: FieldType | None) -> None:
        parts: list[Key] = []
        for path in way.paths:
            part = (name, way, len(parts))
            parts.append(part)
            read = steps.text_at(path.end)
            self._place(path, steps.listing(part, read) if path.repeats else steps.plain(part, read))
        needed = kind is not None and kind.needed
        self._finish.append(steps.made(key, parts, way, needed))

    def _same_element(self, name: str, declared: ReadingSpec, kind: FieldType | None) -> None:
        if kind is None or kind.model is None or kind.each:
            raise self._wrong(name, "a Reading stands for one nested model")
        program = self.inner[name] = Program(declared)
        self.paths[name] = "."
        if not kind.needed:
            self.optional.add(name)
        for inside in program.declared_names():
            self.level.entry(inside)
        self._finish.append(steps.same_element(name, program, kind.needed))

    def _nested(self, name: str, way: Declaration, kind: FieldType) -> "Program":
        given = way.of if isinstance(way, At) else None
        if kind.model is None:
            raise self._wrong(name, "it is no model")
        if given is None and kind.coded:
            program: Program = _CodedProgram(self._spec)
        else:
            program = Program(given if given is not None else _Nested(self._spec, kind.model, annotated(kind.model)))
        if not issubclass(program.model, kind.model):
            raise self._wrong(name, f"its type is {kind.model.__name__}, and {program.model.__name__} is read")
        self.inner[name] = program
        return program

    def _rest(self, name: str, key: Key, path: ReplyPath, kind: FieldType) -> None:
        if not kind.open or kind.each:
            raise self._wrong(name, "what no other field takes needs a field of the type dict[str, JsonValue]")
        inside = ReplyPath(path.text, path.steps, path.each)
        if inside.steps:
            entry = self._entry(inside)
            if entry.level is None:
                entry.level = Level()
        level = self._entry(inside).level if inside.steps else self.level
        if level is not None:
            level.rest = steps.rest(key)

    def _converter(self, kind: FieldType) -> tuple[str, Converter | None]:
        return self._converters.get(kind.scalar or str, ("value", None))

    def _place(self, path: ReplyPath, step: Step) -> None:
        if path.steps:
            self._entry(path).steps.append(step)
        else:
            self._own.append(step)

    def _entry(self, path: ReplyPath) -> Entry:
        return entry_at(self.level, path, self._spec.xml, self.model.__name__)

    def _wrong(self, name: str, what: str) -> DeclarationError:
        return DeclarationError(f"{self.model.__name__}.{name}: {what}")


class _CodedProgram(Program):
    """What reads a dictionary value: a lacking code becomes "", since the names say something too."""

    def __init__(self, spec: ReadingSpec) -> None:
        code, ru, kk = spec.codes
        super().__init__(_Nested(spec, Coded, {"code": code, "name_ru": ru, "name_kk": kk}))
        self._needed.clear()

    def part(self, node: Node, run: Run, *, each: bool = False) -> Table | None:
        table: Table = {}
        walk(node, self.level, table, run)
        if table and "code" not in table:
            table["code"] = ""
        return table or None


class _Nested(ReadingSpec):
    """A nested model by its own declarations, with the settings of the reading around it."""

    def __init__(self, around: ReadingSpec, model: type[BaseModel], fields: dict[str, Declared]) -> None:
        self.model = model
        self.fields = fields
        self.codes, self.zone, self.comma, self.xml = around.codes, around.zone, around.comma, around.xml
        self.origin = around.origin
