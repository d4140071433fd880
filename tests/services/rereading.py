"""What a wire handed over of a reply, as the call that reads it again."""

from dataclasses import replace

from appealbus.core import Call, KeptAnswer, RawReply


def again(call: Call, raw: RawReply) -> Call:
    """Return the call that reads a reply again which came for this one."""
    kept = KeptAnswer(call.question_id, "a.b", "k", raw.at, raw.at, raw.head, raw.body)
    return replace(call, answer=kept, came=None)
