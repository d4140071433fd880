"""Builds a trie from paths."""

from appealbus.core.readings import steps
from appealbus.core.readings.declare import InnerSchema
from appealbus.core.readings.paths import XML, DeclarationError, ReplyPath
from appealbus.core.readings.trie import Entry, Level, Step


def entry_at(root: Level, path: ReplyPath, xml: InnerSchema | None, whose: str) -> Entry:
    """Return the entry at a path's end; create missing ones. DeclarationError if two paths disagree."""
    level, entry = root, Entry()
    for i, name in enumerate(path.steps):
        if name == XML:
            if entry.inner is None:
                entry.inner = Level()
                entry.steps.append(steps.parsed(entry.inner, xml, entry.spoil))
            level = entry.inner
            continue
        entry = level.entry(name)
        if entry.each is not None and entry.each != path.each[i]:
            raise DeclarationError(
                f"{whose}: {path.text!r} and another path do not agree whether {name} repeats; "
                f"write {name}[*] in all of them, or in none"
            )
        entry.each = path.each[i]
        if i + 1 < len(path.steps) and path.steps[i + 1] != XML:
            level = entry.within()
    return entry


def spoil_at(root: Level, path: ReplyPath, step: Step, xml: InnerSchema | None, whose: str) -> None:
    """Add a step for text on the way of a path that should be XML but is not."""
    for i, name in enumerate(path.steps):
        if name == XML:
            way = ReplyPath(path.text, path.steps[:i], path.each[:i])
            entry_at(root, way, xml, whose).spoil.append(step)


def settle(level: Level, prefix: str = "", *, repeated: bool = False) -> None:
    """Finish a trie after all paths were added.

    Sets the prefix of each entry, and turns single values into steps at entries with several tasks. Elements used by
    one nested model or path are not reported as undeclared by others.
    """
    level.prefix = prefix
    for name, entry in level.declared.items():
        if entry.field is not None and (entry.steps or entry.level is not None or entry.inner is not None):
            entry.steps.append(steps.value(entry.field, "", entry.convert, entry.word, entry.needed))
            entry.field = None
        several = len(entry.steps) > 1 or entry.level is not None or entry.inner is not None
        entry.once = not entry.each and (several or (repeated and bool(entry.steps)))
        together = [*entry.nested, *([entry.level] if entry.level is not None else [])]
        if len(together) > 1:
            names = {child for one in together for child in one.declared}
            for one in together:
                for child in sorted(names):
                    one.entry(child)
            for one in together[1:]:
                one.quiet = True
        for one in together:
            settle(one, f"{prefix}{name}/", repeated=one is entry.level and (repeated or bool(entry.each)))
        if entry.inner is not None:
            settle(entry.inner, f"{prefix}{name}/{XML}/", repeated=repeated or bool(entry.each))
