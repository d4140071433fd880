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


def document(found: Compared) -> Comparison:
    """Return `matters`, the newest first, `copies` and `neighbours`."""
    appeal, past = found.appeal, found.past
    copies = [beside(appeal, each, like) for each, like in found.copies]
    shown = [each.other for each in (*found.matters, *copies)] + found.neighbours
    told = {
        "matters": [_matter(appeal, matter) for matter in reversed(found.matters)],
        "copies": {
            "count": max(past.copies, len(copies)),
            "at_least": past.more,
            "others": [_beside(appeal, copy) for copy in copies],
        },
        "neighbours": {
            "count": max(past.neighbours, len(found.neighbours)),
            "at_least": past.more,
            "others": [_head(neighbour) for neighbour in reversed(found.neighbours)],
        },
    }
    return Comparison(told, frozenset(each.appeal_id for each in shown))


def _matter(appeal: Appeal, one: Beside) -> dict[str, Any]:
    told = _beside(appeal, one)
    because = {"category": one.other.category, "parcel": one.other.parcel, "told": one.other.told}
    told["because"] = [name for name, holds in because.items() if holds] or ["text"]
    if one.other.changes is not None and appeal.text and one.other.appeal.text:
        article = article_of(appeal, one)
        told["article"] = article.value
        if article in NORMS:
            told |= {"norm": NORMS[article].ru, "norm_kk": NORMS[article].kk}
    return told


def _beside(appeal: Appeal, one: Beside) -> dict[str, Any]:
    told = {**_head(one.other), "same_body": one.same_body}
    if appeal.text and one.other.appeal.text:
        told |= {"similarity": round(one.similarity, 3), "news": _news(one.news)}
    told |= {"new_attachments": one.attachments} if one.attachments else {}
    return told | ({"new_parcels": one.parcels} if one.parcels else {})


def _head(other: Other) -> dict[str, Any]:
    told: dict[str, Any] = {
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
        told["outcome"] = {name: value for name, value in outcome.items() if value is not None}
    return {name: value for name, value in told.items() if value is not None}


def _news(news: News) -> dict[str, Any]:
    return {
        "new": list(news.new[:SENTENCES]),
        "changed": [{"text": each.text, "was": each.was} for each in news.changed[:SENTENCES]],
        "count": len(news.new) + len(news.changed),
        "same": news.same,
        "gone": news.gone,
    }


Say = Callable[[str], str]


def lines(told: Mapping[str, Any], say: Say, suffix: str = "") -> Iterator[str]:
    """Yield a comparison as lines of text; `suffix` is that of names in the reader's language, such as `kk` of
    norms."""
    if not any((told["matters"], told["copies"]["count"], told["neighbours"]["count"])):
        yield say("nobody")
    for each in told["matters"]:
        yield f"{say('same_matter')}: {_line(each, say)}"
        if "article" in each:
            yield f"  {say(each['article'])}" + (
                f" ({each.get(f'norm_{suffix}', each['norm'])})" if "norm" in each else ""
            )
        yield from _sentences(each, say)
    for name, label in (("copies", "same_text"), ("neighbours", "same_parcel")):
        some = told[name]
        if some["count"]:
            yield f"{say(label)}: {say('at_least') + ' ' if some['at_least'] else ''}{some['count']}"
        for each in some["others"]:
            yield f"  {_line(each, say)}"
            yield from _sentences(each, say)


def _line(each: Mapping[str, Any], say: Say) -> str:
    told = [str(each.get("number", "—")), str(each["accepted_at"])[:10] if "accepted_at" in each else ""]
    told += [say(f"{each['applicant']}_applicant"), each.get("body", "")]
    if "outcome" in each:
        told.append(" ".join([say(each["outcome"]["came"]), str(each["outcome"].get("day", ""))]).strip())
    if "similarity" in each:
        told.append(f"{say('similarity')} {each['similarity']:.0%}")
    return " · ".join(filter(None, told))


def _sentences(each: Mapping[str, Any], say: Say) -> Iterator[str]:
    news = each.get("news")
    if news is None:
        return
    counts = f"{say('same')} {news['same']}, {say('gone')} {news['gone']}"
    if "new_attachments" in each:
        counts += f", {say('attachments')} {each['new_attachments']}"
    if "new_parcels" in each:
        counts += f", {say('parcels')} {each['new_parcels']}"
    yield f"  {counts}"
    yield from (f"  {say('new')}: {text}" for text in news["new"])
    for changed in news["changed"]:
        yield f"  {say('changed')}: {changed['text']}"
        yield f"    {say('was')}: {changed['was']}"
    if (left := news["count"] - len(news["new"]) - len(news["changed"])) > 0:
        yield f"  … {left}"
