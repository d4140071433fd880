"""Translates stored English texts of the program: reasons about fields of appeals, replies and links."""

import re
from collections.abc import Iterable

from appealbus.core.domain.case import LEFT
from appealbus.core.lazy_text import Translator, told

_PLACE = re.compile(r"\\\{(\w+)\\\}")
_LONGEST = 1000


class Known:
    """A set of known texts, with variables in braces: `the list has {size} entries`."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._whole: set[str] = set()
        self._shaped: list[tuple[str, re.Pattern[str]]] = []
        for text in texts:
            pattern = _PLACE.sub(r"(?P<\1>.{1,500}?)", re.escape(text))
            if "{" in text:
                self._shaped.append((text, re.compile(pattern)))
            else:
                self._whole.add(text)

    def tell(self, written: str, to: Translator) -> str | None:
        """Translate a text and any known texts within; None if unknown."""
        if written in self._whole:
            return to.say(written)
        if len(written) < _LONGEST:
            for text, pattern in self._shaped:
                if match := pattern.fullmatch(written):
                    values = {name: self.tell(value, to) or value for name, value in match.groupdict().items()}
                    return to.say(text, **values)
        return None


WARNINGS = (
    told("fields by name are expected here"),
    told("a list is expected here"),
    told("a text is expected here"),
    told("a value is expected here"),
    told("a number stands where a text is expected; it is taken by its digits"),
    told("there are fields here that the contract does not know"),
    told("there is something here that the contract does not know"),
    told("the contract does not know {names} here"),
    told("the contract does not know {names} here; did you mean {near}?"),
    told("{path} is read as {field}, as the settings of its channel say"),
    told("there is not exactly one element of {names}"),
    told("it is not said whether this is a person or an organisation; by its fields it is {what}"),
    told("a person"),
    told("an organisation"),
    told("this is none of the words that may stand here"),
    told("this is no date of the calendar, written as 2026-02-16"),
    told("this is no date and time, written as 2026-02-16T09:30:00+05:00"),
    told("this is no whole number, or a smaller or larger one than may stand here"),
    told("this is neither true nor false"),
    told("the text has more than {n} characters"),
    told("the text has characters that may not stand here"),
    told("the list has {size} entries; the first {most} are worked"),
    told("{n} values in this list cannot be used as they are"),
    told("a change of this kind says what this is"),
    told("this date is implausible; the change counts without it"),
    told("this date is implausible; the appeal counts without it"),
    told("the appeal does not say what kind it is"),
    told("the appeal does not say who writes"),
    told("the text has more than {n} identifiers of this kind; the rest is left out"),
    told("the seventh digit of an ИИН is 0 to 6"),
    told("the first six digits of an ИИН are a date of birth; this one is no date"),
    told("the last digit of the ИИН does not agree with the others"),
    told("the third and fourth digits of a БИН are a month, 01 to 12"),
    told("the fifth digit of a БИН is 4, 5 or 6"),
    told("the last digit of the БИН does not agree with the others"),
    told("{what} is written in the digits 0 to 9 alone"),
    told("{what} has {least} to {most} digits"),
    told("{what} has {size} digits"),
    told("an ИИН"),
    told("a БИН"),
    told("a cadastral number"),
    told("a КАТО code"),
    told("a РКА"),
)
"""Problems of an appeal's fields whose code alone says too little."""

RULES = (
    told("its text breaks a pattern"),
    told("its text is not one of the values that the contract lists"),
    told("its text has another length than the contract says"),
    told("its text is too short"),
    told("its text is too long"),
    told("its text is no {type}"),
    told("its text is not what its type takes"),
    told("its attribute {name} breaks a pattern"),
    told("its attribute {name} is not one of the values that the contract lists"),
    told("its attribute {name} has another length than the contract says"),
    told("its attribute {name} is too short"),
    told("its attribute {name} is too long"),
    told("its attribute {name} is not what its type takes"),
    told("its attribute {name} is no {type}"),
    told("its number is too small"),
    told("its number is too large"),
    told("its number has too many digits"),
    told("its number has too many digits after the point"),
    told("it must be empty"),
    told("it takes a text, and holds elements"),
    told("it takes elements, and holds a text"),
    told("the contract has no such attribute there"),
    told("an attribute that must be there is missing"),
    told("it takes no attributes"),
    told("the contract has no such element"),
    told("its element is abstract"),
    told("it cannot be nil"),
    told("it is nil, and holds something"),
    told("its xsi:type is not in the contract"),
    told("its xsi:type does not fit there"),
    told("the contract fixes its value"),
    told("the contract fixes the value of an attribute"),
    told("a key is missing, or there twice"),
    told("it is not expected there; expected is {names}"),
    told("it is not expected there"),
    told("something in it is missing; expected is {names}"),
    told("something in it is missing"),
)
"""Schema violations, as worded by `replies.rules`."""

_SCHEMA = (
    told("the reply breaks its schema, in a large message"),
    told("the request breaks its schema, in a large message"),
    told("the reply breaks its schema at {place}, and no record is in it"),
    told("the reply breaks its schema at {place}"),
    told("the request breaks its schema at {place}"),
    told("its root"),
)
LINKS = (
    told("in memory"),
    told("connected to {where}"),
    told("no connection to {where}"),
    told("nothing listens at {where}"),
    told("{where} has no address; check the name"),
    told("{where} does not answer in time"),
    told("{where} gave no sign of life"),
    told("{where} took nothing for too long"),
    told("{where} gave no answer in time, and was given up"),
    told("{where} closed the connection ({code})"),
    told("the connection to {where} broke"),
    told("the connection ended by a defect of ours; see the log"),
    told("the broker takes nothing for now: {reason}"),
    told("the broker takes messages again"),
    told("not looked at yet: there is no connection"),
    told("not looked at yet"),
    told("no queue is bound to the exchange {exchange} for {keys}; these dossiers wait in the outbox"),
    told("{where} does not accept {user}; check the user and the password"),
    told("the certificate of {where} is not trusted; check tls.ca_bundle and the host's name"),
    told("{where} does not speak TLS, or does not take our certificate; check the port and tls"),
    told("{where} does not speak AMQP, or wants TLS, or another certificate of ours; check the port and tls"),
    told("{where} has no virtual host {host}; create it"),
    told("{where} takes no more connections of {user}; raise that limit, or close some: each process needs two"),
    told(
        "{where} takes no more connections to the virtual host {host}; "
        "raise that limit, or close some: each process needs two"
    ),
    told("{where} does not let {user} into the virtual host {host}; give the user rights in it"),
    told("we have no right to do that"),
    told("there is no such exchange or queue"),
    told("another connection has it for itself"),
    told("the broker has other conditions"),
    told("the broker refused it ({code})"),
    told("a message was held for longer than the broker allows"),
    told("{name} is {there} there, not {wanted}"),
    told("the message is larger than the broker takes"),
    told("we have no right to {right} {name}; give it to our user"),
    told("a message to {exchange} was refused: {why}"),
    told("the default exchange"),
    told("the connection was lost"),
    told("the signing service cannot be reached, or fails; start it, or mend url"),
    told("the signing service refuses our key; mend key, key_password or key_alias"),
)
"""States of links; a broker's own words in them stay untranslated."""
_links = Known(link.text for link in LINKS)
_left = Known(rule.text for rule in LEFT)
_known = Known(rule.text for rule in (*WARNINGS, *RULES, *_SCHEMA))


def reason_in_full(written: str, to: Translator) -> str | None:
    if (left := _left.tell(written, to)) is not None:
        return left
    reason, colon, rule = written.partition(": ")
    first = _known.tell(reason, to)
    if first is None or not colon:
        return first
    second = _known.tell(rule, to)
    return None if second is None else f"{first}: {second}"


def link_told(written: str, to: Translator) -> str | None:
    return _links.tell(written, to)
