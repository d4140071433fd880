"""Checks of automatic rereading."""

from collections.abc import Iterator
from datetime import timedelta

from appealbus.core.domain.reread_pass import RereadPass, Stage
from appealbus.core.health.facts import Facts
from appealbus.core.health.finding import Finding, Severity
from appealbus.core.lazy_text import LazyText, told

_ROLLING = timedelta(hours=1)
"""Time in which workers' readings may differ, since workers restart one after the other with a new plugin."""


def of_rereads(facts: Facts) -> Iterator[Finding]:
    for reread in facts.rereads:
        if reread.is_undone:
            does = told(
                "`appealbus reread --source {source}{since} --dry-run` shows what would be otherwise, and ends "
                "this; without --dry-run it is done",
                source=reread.source,
                since=f" --since {reread.since:%Y-%m-%d}" if reread.since else "",
            )
            yield Finding(Severity.WARNING, told("source {name}", name=reread.source), [_left(reread)], does)
    for name in sorted({name for worker in facts.workers for name in worker.readings or {}}):
        all_ = [None if worker.readings is None else worker.readings.get(name, {}) for worker in facts.workers]
        theirs = [readings for readings in all_ if readings != {}]  # one that does not ask it reads nothing of it
        if any(readings != theirs[0] for readings in theirs):
            newest = max(worker.started_at for worker in facts.workers)
            severity = Severity.INFO if facts.at - newest < _ROLLING else Severity.WARNING
            says = told("workers read its replies otherwise than each other, so that none that is kept is read again")
            does = told("start all of them with the same plugins, contracts and settings")
            yield Finding(severity, told("source {name}", name=name), [says], does)


def _left(reread: RereadPass) -> LazyText:
    match reread.stage:
        case Stage.STOPPED:
            return told(
                "its replies are read otherwise now, and of {compared} records {otherwise} would change where nothing "
                "is in doubt: none was changed",
                compared=reread.compared,
                otherwise=reread.otherwise,
            )
        case Stage.FAILED:
            return told(
                "the process that reads its kept replies again ends or hangs; {n} appeal was changed before",
                "the process that reads its kept replies again ends or hangs; {n} appeals were changed before",
                n=reread.changed,
            )
        case Stage.OTHER:
            return told("its plugins or contracts on the disk are not those that run: start the bus anew")
        case _:
            return told(
                "its kept replies were read again, and {left} of {gaps} with a gap were left as they are",
                left=reread.left,
                gaps=reread.gaps,
            )
