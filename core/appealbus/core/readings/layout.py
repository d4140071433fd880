"""Laying paths into a trie."""

from appealbus.core.readings import steps
from appealbus.core.readings.declare import InnerSchema
from appealbus.core.readings.paths import XML, DeclarationError, ReplyPath
from appealbus.core.readings.trie import Entry, Level, Step


def entry_at(root: Level, path: ReplyPath, xml: InnerSchema | None, whose: str) -> Entry:
    """Return the place where a path ends, made if need be.

    Args:
        root: the places inside the element that the path starts from.
        path: a path with at least one step.
        xml: what XML inside text is checked against.
        whose: the path is, for errors.

    Raises:
        DeclarationError: two paths do not agree on which elements they mean.

    """
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
    """Say what is done where text on the way of a path should be XML, and is none."""
    for i, name in enumerate(path.steps):
        if name == XML:
            way = ReplyPath(path.text, path.steps[:i], path.each[:i])
            entry_at(root, way, xml, whose).spoil.append(step)


def settle(level: Level, prefix: str = "", *, repeated: bool = False) -> None:
    """Make a trie ready once all paths are laid out.

    Every place learns where it is. A single value is read by a step where more than that is done at its place. What one
    nested model or path takes of an element is no news to the others that look at the same one.
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
            names = {each for one in together for each in one.declared}
            for one in together:
                for each in sorted(names):
                    one.entry(each)
            for one in together[1:]:
                one.quiet = True
        for one in together:
            settle(one, f"{prefix}{name}/", repeated=one is entry.level and (repeated or bool(entry.each)))
        if entry.inner is not None:
            settle(entry.inner, f"{prefix}{name}/{XML}/", repeated=repeated or bool(entry.each))
