"""Explanations of delivery failures in the reader's language."""

from appealbus.plugins.console.words import Words, said

_WHY = {
    "unreachable": said("there was no connection to the broker"),
    "unroutable": said("no queue is bound for it"),
    "refused": said("the broker said no: a full queue, a missing exchange, a missing right"),
    "unfit": said("it is larger than the broker takes, or a name in it is too long"),
    "indeterminate": said("the connection was lost before the broker answered: it may have it"),
    "process.died": said("three processes died while they handed it over"),
    "mask.failed": said("it could not be masked, and nothing leaves unmasked"),
    "left_behind": said("an earlier call of the delivery does not end"),
    "miscounted": said("the delivery told of fewer or more versions than it was given"),
    "not_ours": said("the file holds something else than dossiers"),
    "enospc": said("the disk is full"),
    "eacces": said("the file may not be written"),
    "eagain": said("the file was in use"),
    "TimeoutError": said("the call of the delivery took longer than a minute"),
}
"""Codes of the bundled deliveries; a plugin may have its own."""


def why(words: Words, code: str | None) -> str:
    """Explain a failure code; empty if it is unknown."""
    if not code:
        return ""
    known = _WHY.get(code)
    if known is not None:
        return words.say(known)
    told = words.reason(code, "")
    if told:
        return told
    return (
        words.say("the delivery failed with an error of its own") if code.isidentifier() and code[0].isupper() else ""
    )
