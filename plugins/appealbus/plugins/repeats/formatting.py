"""Formats repeats of an appeal as JSON and as text."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from appealbus.core import Comparison, Other
from appealbus.plugins.repeats.matter import Beside, Compared, article_of, beside
from appealbus.plugins.repeats.sentences import News
from appealbus.plugins.repeats.standing import body_of, standing_of
from appealbus.plugins.repeats.words import NORMS
from appealbus.schemas.appeal import Appeal

SENTENCES = 100
"""Maximum number of new and changed sentences of one comparison: one page. Their total is always given."""


def document(compared: Compared) -> Comparison:
    """Return `matters`, the newest first, `copies` and `neighbours`."""
    appeal, past = compared.appeal, compared.past
    copies = [beside(appeal, other, like) for other, like in compared.copies]
    shown = [matter.other for matter in (*compared.matters, *copies)] + compared.neighbours
    parts = {
        "matters": [_matter(appeal, matter) for matter in reversed(compared.matters)],
        "copies": {
            "count": max(past.copies, len(copies)),
            "at_least": past.more,
            "others": [_beside(appeal, copy) for copy in copies],
        },
        "neighbours": {
            "count": max(past.neighbours, len(compared.neighbours)),
            "at_least": past.more,
            "others": [_head(neighbour) for neighbour in reversed(compared.neighbours)],
        },
    }
    return Comparison(parts, frozenset(other.appeal_id for other in shown))


def _matter(appeal: Appeal, one: Beside) -> dict[str, Any]:
    fields = _beside(appeal, one)
    because = {"category": one.other.category, "parcel": one.other.parcel, "told": one.other.told}
    fields["because"] = [name for name, holds in because.items() if holds] or ["text"]
    if one.other.changes is not None and appeal.text and one.other.appeal.text:
        article = article_of(appeal, one)
        fields["article"] = article.value
        if article in NORMS:
            fields |= {"norm": NORMS[article].ru, "norm_kk": NORMS[article].kk}
    return fields


def _beside(appeal: Appeal, one: Beside) -> dict[str, Any]:
    fields = {**_head(one.other), "same_body": one.same_body}
    if appeal.text and one.other.appeal.text:
        fields |= {"similarity": round(one.similarity, 3), "news": _news(one.news)}
    fields |= {"new_attachments": one.attachments} if one.attachments else {}
    return fields | ({"new_parcels": one.parcels} if one.parcels else {})


def _head(other: Other) -> dict[str, Any]:
    head: dict[str, Any] = {
        "number": other.number or None,
        "id": other.public_id or None,
        "accepted_at": other.accepted_at,
        "applicant": {True: "same", False: "other", None: "unknown"}[other.person],
        "body": body_of(other.appeal),
    }
    if other.changes is not None:
        standing = standing_of(other)
        outcome = {"came": standing.came.value, "day": standing.day}
        outcome |= {"ground": standing.ground, "reference": standing.reference}
        head["outcome"] = {name: value for name, value in outcome.items() if value is not None}
    return {name: value for name, value in head.items() if value is not None}


def _news(news: News) -> dict[str, Any]:
    return {
        "new": list(news.new[:SENTENCES]),
        "changed": [{"text": change.text, "was": change.was} for change in news.changed[:SENTENCES]],
        "count": len(news.new) + len(news.changed),
        "same": news.same,
        "gone": news.gone,
    }


Say = Callable[[str], str]


def lines(comparison: Mapping[str, Any], say: Say, suffix: str = "") -> Iterator[str]:
    """Yield a comparison as lines of text; `suffix` is that of names in the reader's language, such as `kk` of
    norms."""
    if not any((comparison["matters"], comparison["copies"]["count"], comparison["neighbours"]["count"])):
        yield say("nobody")
    for row in comparison["matters"]:
        yield f"{say('same_matter')}: {_line(row, say)}"
        if "article" in row:
            yield f"  {say(row['article'])}" + (f" ({row.get(f'norm_{suffix}', row['norm'])})" if "norm" in row else "")
        yield from _sentences(row, say)
    for name, label in (("copies", "same_text"), ("neighbours", "same_parcel")):
        some = comparison[name]
        if some["count"]:
            yield f"{say(label)}: {say('at_least') + ' ' if some['at_least'] else ''}{some['count']}"
        for row in some["others"]:
            yield f"  {_line(row, say)}"
            yield from _sentences(row, say)


def _line(row: Mapping[str, Any], say: Say) -> str:
    parts = [str(row.get("number", "—")), str(row["accepted_at"])[:10] if "accepted_at" in row else ""]
    parts += [say(f"{row['applicant']}_applicant"), row.get("body", "")]
    if "outcome" in row:
        parts.append(" ".join([say(row["outcome"]["came"]), str(row["outcome"].get("day", ""))]).strip())
    if "similarity" in row:
        parts.append(f"{say('similarity')} {row['similarity']:.0%}")
    return " · ".join(filter(None, parts))


def _sentences(row: Mapping[str, Any], say: Say) -> Iterator[str]:
    news = row.get("news")
    if news is None:
        return
    counts = f"{say('same')} {news['same']}, {say('gone')} {news['gone']}"
    if "new_attachments" in row:
        counts += f", {say('attachments')} {row['new_attachments']}"
    if "new_parcels" in row:
        counts += f", {say('parcels')} {row['new_parcels']}"
    yield f"  {counts}"
    yield from (f"  {say('new')}: {text}" for text in news["new"])
    for changed in news["changed"]:
        yield f"  {say('changed')}: {changed['text']}"
        yield f"    {say('was')}: {changed['was']}"
    if (left := news["count"] - len(news["new"]) - len(news["changed"])) > 0:
        yield f"  … {left}"
