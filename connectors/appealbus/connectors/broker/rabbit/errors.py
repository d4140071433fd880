"""Errors of pika and the broker, in our words. The broker's texts name exchanges and queues, never a message."""

import re
import socket
import ssl
from collections.abc import Iterator

from pika import exceptions

from appealbus.connectors.broker.broker import BrokerError, BrokerRefused, BrokerUnreachable
from appealbus.connectors.broker.rabbit.connection import ConnectionGivenUp
from appealbus.core import LinkStatus

_INEQUIVALENT = re.compile(r"inequivalent arg '(.+?)' for .*: received (.+?) but current is (.+?)$")
_RIGHT = re.compile(r"(configure|read|write) access to (?:queue|exchange|(topic)) '(amq\.gen-|[^']*)")
_QUOTED = re.compile(r"the value '(.*)' of type '\w+'$")
_CODES = {
    403: "we have no right to do that",
    404: "there is no such exchange or queue",
    405: "another connection has it for itself",
    406: "the broker has other conditions",
}

_NOT_OPENED = (
    (
        (exceptions.ProbableAuthenticationError, exceptions.AuthenticationError),
        LinkStatus.REFUSED,
        "{where} does not accept {user}; check the user and the password",
    ),
    (
        ssl.SSLCertVerificationError,
        LinkStatus.REFUSED,
        "the certificate of {where} is not trusted; check tls.ca_bundle and the host's name",
    ),
    (
        ssl.SSLError,
        LinkStatus.REFUSED,
        "{where} does not speak TLS, or does not take our certificate; check the port and tls",
    ),
    (
        exceptions.IncompatibleProtocolError,
        LinkStatus.REFUSED,
        "{where} does not speak AMQP, or wants TLS, or another certificate of ours; check the port and tls",
    ),
    (socket.gaierror, LinkStatus.DOWN, "{where} has no address; check the name"),
    (ConnectionRefusedError, LinkStatus.DOWN, "nothing listens at {where}"),
)


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all errors wrapped in it."""
    yield error
    inner = [*getattr(error, "exceptions", ()), getattr(error, "exception", None), *error.args]
    for cause in inner:
        if isinstance(cause, BaseException):
            yield from chain(cause)


def not_opened(error: BaseException, where: str, user: str, virtual_host: str) -> tuple[LinkStatus, str]:
    """Describe why there is no connection, and the remedy."""
    errors = list(chain(error))
    text = " ".join(str(cause.args) for cause in errors)
    for cause in errors:
        for kinds, status, words in _NOT_OPENED:
            if isinstance(cause, kinds):
                return status, words.format(where=where, user=user, virtual_host=virtual_host)
        if isinstance(cause, exceptions.ProbableAccessDeniedError):
            return LinkStatus.REFUSED, f"{where} {_kept_out(text, user, virtual_host)}"
    late = "imeout" in text or "timed out" in text or any(isinstance(cause, TimeoutError) for cause in errors)
    return LinkStatus.DOWN, f"{where} does not answer in time" if late else f"no connection to {where}"


def _kept_out(text: str, user: str, virtual_host: str) -> str:
    if "not found" in text:
        return f"has no virtual host {virtual_host}; create it"
    if "connection limit" in text:
        whose = f"of {user}" if "user connection limit" in text else f"to the virtual host {virtual_host}"
        return f"takes no more connections {whose}; raise that limit, or close some: each process needs two"
    return f"does not let {user} into the virtual host {virtual_host}; give the user rights in it"


def connection_lost(error: BaseException, where: str) -> str:
    match error:
        case exceptions.AMQPHeartbeatTimeout():
            return f"{where} gave no sign of life"
        case exceptions.ConnectionBlockedTimeout():
            return f"{where} took nothing for too long"
        case ConnectionGivenUp():
            return f"{where} gave no answer in time, and was given up"
        case exceptions.ConnectionClosedByBroker():
            return f"{where} closed the connection ({error.reply_code})"
    return f"the connection to {where} broke"


def channel_lost(error: BaseException) -> BrokerError:
    if isinstance(error, exceptions.ChannelClosedByBroker):
        return BrokerRefused(error.reply_code, _refusal(error.reply_code, str(error.reply_text)))
    return BrokerUnreachable("the connection was lost")


def _refusal(code: int, text: str) -> str:
    if "delivery acknowledgement on channel" in text:
        return "a message was held for longer than the broker allows"
    if match := _INEQUIVALENT.search(text):
        name, wanted, there = match[1], _value(match[2]), _value(match[3])
        return f"{name} is {there} there, not {wanted}"
    if "message size" in text:
        return "the message is larger than the broker takes"
    if match := _RIGHT.search(text):
        return f"we have no right to {match[1]} {'the topic ' if match[2] else ''}{match[3]}; give it to our user"
    return _CODES.get(code, f"the broker refused it ({code})")


def _value(text: str) -> str:
    if text == "none":
        return "not set"
    return match[1] if (match := _QUOTED.search(text)) else text.strip("'")
