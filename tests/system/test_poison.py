"""What cannot be taken over AMQP: in quarantine with its reason, the sender told, the next one taken as ever."""

import json
from pathlib import Path

import pytest
from pika.exceptions import ChannelClosedByBroker

from appealbus.schemas import Receipt
from tests.services.processes import until
from tests.services.rabbitmq import Vhost
from tests.system.installation import Agencies, letters
from tests.system.peers import Mail, Receiver, Sender
from tests.system.production import Production
from tests.system.program import Program, appealbus
from tests.system.test_bad_input import BOMB, GOOD, OUTSIDE, SECRET

pytestmark = pytest.mark.system

XML = "application/xml"
LARGEST = 16 * 1024 * 1024
"""Bytes that RabbitMQ takes."""


def _json(**given: object) -> bytes:
    return json.dumps({"message_id": "x", **GOOD, **given}, ensure_ascii=False).encode()


POISON = {
    "malformed": (Mail("malformed", _json()[:-7]), "json.malformed", "JSON"),
    "encoding": (Mail("encoding", _json().decode().encode("cp1251", "replace")), "json.malformed", "JSON"),
    "version": (Mail("version", _json(schema_version="99")), "appeal.invalid", "schema_version"),
    "bomb": (Mail("bomb", BOMB.encode(), XML), "xml.doctype", "xml.doctype"),
    "outside": (Mail("outside", OUTSIDE.encode(), XML), "xml.doctype", "xml.doctype"),
    "no XML": (Mail("no XML", _json(), XML), "xml.malformed", "xml.malformed"),
    "large": (Mail("large", b"x" * LARGEST), "message.too_large", f"{LARGEST} bytes"),
}


@pytest.fixture
def site(tmp_path: Path, agencies: Agencies, vhost: Vhost, journal_database: str) -> Production:
    return Production(tmp_path, agencies, vhost, journal_database)


def test_poison_is_kept_with_its_reason_and_the_next_one_is_taken(site: Production) -> None:
    """Each sender is told the code and the id in quarantine; the bus stays small and goes on."""
    good = letters(1)[0]
    mail = [mail for mail, _, _ in POISON.values()]
    with Receiver(site.vhost, "replies") as replies, site.start("run", anew=True) as bus:
        Sender(site.vhost, "replies").send([*mail, Mail("good", good.model_dump_json(exclude_unset=True).encode())])
        bus.until(lambda: len(replies.got) > len(POISON), "all are answered")
        bus.until(lambda: good.message_id in site.dossiers(), "the good one is worked")
        assert bus.rss() < 200
        assert bus.stop().code == 0
        told = {each.properties.correlation_id: each for each in replies.got}
    rows = {row["position"].partition("#")[2]: row for row in _quarantine(site)}
    assert rows.keys() == POISON.keys()
    for name, (_, code, reason) in POISON.items():
        assert rows[name]["channel"] == "post"
        assert reason in rows[name]["reason"], rows[name]["reason"]
        assert told[name].properties.type == "refusal"
        assert code in told[name].body.decode()
        assert str(rows[name]["id"]) in told[name].body.decode()
    assert Receipt.model_validate_json(told["good"].body).message_id == good.message_id
    assert site.vhost.depth("appealbus.intake") == site.vhost.depth("appealbus.quarantine") == 0
    _tells_nothing(bus, *(row["reason"] for row in rows.values()), *(told[name].body.decode() for name in POISON))


def test_the_broker_refuses_what_is_larger_than_it_takes(site: Production) -> None:
    """Twenty megabytes never reach the bus; the sender learns it at once."""
    with site.vhost.channel() as channel:
        channel.confirm_delivery()
        with pytest.raises(ChannelClosedByBroker) as refused:
            channel.basic_publish("appealbus.in", "appeal", b"x" * 20 * 1024 * 1024, mandatory=True)
    assert refused.value.reply_code == 406
    assert site.vhost.depth("appealbus.intake") == 0


def test_what_the_broker_gave_up_on_is_replayed_once_the_cause_is_mended(site: Production) -> None:
    """A good appeal that an administrator's policy let go is in quarantine, and taken by `quarantine replay`."""
    limited = {"delivery-limit": 3, "dead-letter-exchange": "appealbus.dead"}
    policy = {"pattern": "^appealbus[.]intake$", "definition": limited, "priority": 100, "apply-to": "queues"}
    site.vhost.api("PUT", "policies/limited", policy)
    good = letters(1)[0]
    Sender(site.vhost).send([Mail("unlucky", good.model_dump_json(exclude_unset=True).encode())])
    _give_back_until_it_is_dead(site.vhost)
    with site.start("run") as bus:
        bus.until(lambda: "intake.quarantined" in bus.err, "it is in quarantine")
        (row,) = _quarantine(site)
        assert row["position"].endswith("#unlucky")
        assert "given back too often" in row["reason"]
        assert "taken as AB-" in appealbus(site.folder, "quarantine", "replay", str(row["id"])).out
        bus.until(lambda: good.message_id in site.dossiers(), "it is worked")
        assert bus.stop().code == 0
    assert _quarantine(site) == []


def _give_back_until_it_is_dead(vhost: Vhost) -> None:
    """Take the message and go away with it, again and again, as a worker does that dies of it."""

    def dead() -> bool:
        with vhost.channel() as channel:
            method, _, _ = channel.basic_get("appealbus.intake")
            if method is not None:
                channel.basic_reject(method.delivery_tag, requeue=True)
        return vhost.depth("appealbus.quarantine") == 1

    until(dead, "the broker has given up on it")


def _quarantine(here: Production) -> list[dict[str, object]]:
    found: list[dict[str, object]] = appealbus(here.folder, "quarantine", "list", "--json").json()
    return found


def _tells_nothing(bus: Program, *told: str) -> None:
    for text in (bus.err, *told):
        assert SECRET not in text
        assert "750301100019" not in text
        assert "Traceback" not in text
