"""Settings of the simulator and of its misbehaviour."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from appealbus.connectors.broker.settings import BrokerSettings
from appealbus.core import Settings
from appealbus.core.config.types import ConfigPath, Seconds
from appealbus.simulator.content import Shape
from appealbus.simulator.population import DEFAULT_SEED, DEFAULT_SIZE, MAX_SIZE

Probability = Annotated[float, Field(ge=0, le=1)]
Pause = Annotated[Seconds, Field(ge=0, le=3600)]


class Kind(StrEnum):
    """The ways to answer badly; the names of the probabilities in the settings."""

    FAULT = "fault"
    STATUS = "status"
    HTTP_500 = "http_500"
    HTTP_502 = "http_502"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    WRONG_TYPES = "wrong_types"
    WRONG_NAMESPACE = "wrong_namespace"
    OVERSIZED = "oversized"
    ENTITY_BOMB = "entity_bomb"
    SILENT = "silent"
    CUT = "cut"
    REPEATED = "repeated"
    DOUBLED = "doubled"
    OTHER_PERSON = "other_person"
    BUSINESS_ERROR = "business_error"
    REPLAYED = "replayed"
    UNSIGNED = "unsigned"
    WRONG_SIGNATURE = "wrong_signature"


class Outage(Settings):
    """A time in which an agency is down."""

    after: Pause = 0.0
    """When it begins, counted from the simulator's start (or from when the setting was made)."""
    lasts: Annotated[Seconds, Field(gt=0)]
    """How long it lasts."""


class Misbehaviour(Settings):
    """How badly a service behaves. Each probability is of one question's answer; together they are 1 at most."""

    latency: Pause = 0.0
    """How long every answer takes at least."""
    latency_tail: Pause = 0.0
    """Scale of a long tail on top: half of the answers take 0.6 times that longer, one in a hundred 20 times."""
    latency_max: Pause = 60.0
    """The longest that an answer takes, tail included."""
    fault: Probability = 0.0
    """SOAP fault SCE909 (internal error) with HTTP 500."""
    status: Probability = 0.0
    """An answer with the gateway's status SCSE003 (unhandled exception) and no content."""
    http_500: Probability = 0.0
    """HTTP 500 without a SOAP message."""
    http_502: Probability = 0.0
    """HTTP 502 with a page of HTML, as proxies send it."""
    empty: Probability = 0.0
    """HTTP 200 without a body."""
    truncated: Probability = 0.0
    """A whole HTTP answer whose XML ends too early."""
    wrong_types: Probability = 0.0
    """Dates, numbers and booleans that are none."""
    wrong_namespace: Probability = 0.0
    """Elements in a namespace that the contract does not have."""
    oversized: Probability = 0.0
    """An answer of `oversized_bytes`."""
    entity_bomb: Probability = 0.0
    """A DTD whose entities grow without end."""
    silent: Probability = 0.0
    """No answer; the connection stays open."""
    cut: Probability = 0.0
    """The connection closes in the middle of the answer."""
    repeated: Probability = 0.0
    """The answer to another question, with the ids of that one."""
    doubled: Probability = 0.0
    """The answer twice in one body."""
    other_person: Probability = 0.0
    """A good answer to the question that was put, with the record of somebody or something else."""
    business_error: Probability = 0.0
    """The gateway's status SCSE001, with content that tells an error of the service's own: 404, nothing found."""
    replayed: Probability = 0.0
    """The earlier answer to the same question again, byte for byte; a good one where there is none."""
    unsigned: Probability = 0.0
    """An answer without any signature."""
    wrong_signature: Probability = 0.0
    """An answer that was changed after the gateway signed it; a good one where it does not sign."""
    oversized_bytes: Annotated[int, Field(ge=1024, le=1 << 30)] = 16 * 1024 * 1024
    """Size of an oversized answer."""
    outages: list[Outage] = []
    """Times in which the agency is down: HTTP 503."""

    def probability(self, kind: Kind) -> float:
        """Return the probability of a kind of bad answer."""
        return float(getattr(self, kind.value))

    @model_validator(mode="after")
    def _at_most_one(self) -> Self:
        if sum(map(self.probability, Kind)) > 1 + 1e-9:
            raise ValueError("the probabilities of one service add up to more than 1")
        return self


ROUGH = Misbehaviour(
    latency=0.02,
    latency_tail=0.01,
    latency_max=3.0,
    **{kind.value: 0.01 for kind in Kind if kind not in (Kind.SILENT, Kind.OVERSIZED)},
)
"""A little of everything that ends soon: for demonstrations."""


class Correlation(StrEnum):
    """The correlationId of answers."""

    ABSENT = "absent"
    """None, as most participants answer."""
    REQUEST = "request"
    """The request's correlationId."""
    CONTENT = "content"
    """The id of the question inside the content; of services that have none: the request's."""


class ServiceSettings(Settings):
    """One service behind the gateway."""

    service_id: str
    """Its id in the gateway's register of services."""
    shape: Shape
    """How its answers lie in `data`."""
    correlation: Correlation = Correlation.ABSENT
    """The correlationId of its answers: absent, request (the request's own) or content (the id of the question inside
    the content)."""
    misbehaviour: Misbehaviour = Misbehaviour()
    """How badly it behaves."""


class GbdflService(ServiceSettings):
    """ГБД ФЛ."""

    service_id: str = "GBDFLUniversal_token"
    shape: Literal[Shape.BARE, Shape.TYPED] = Shape.BARE
    """How its answers lie in `data`: bare (directly in it) or typed (the same with `xsi:type`)."""
    correlation: Correlation = Correlation.CONTENT
    """As of the other services; here the content has an id."""
    token: str | None = Field(default=None, repr=False)
    """The kdpToken that questions must bring; none: any will do, and an empty one too."""


class GbdulService(ServiceSettings):
    """ГБД ЮЛ."""

    service_id: str = "GbdulInfoByBin_v2"
    shape: Literal[Shape.TEXT, Shape.CDATA] = Shape.TEXT
    """How its answers lie in `data`: text (escaped) or cdata."""


class EgknService(ServiceSettings):
    """ЕГКН."""

    service_id: str = "EgknParcelInfo"
    shape: Shape = Shape.TEXT
    """How its answers lie in `data`: child, bare, typed, text or cdata."""


class AddressService(Settings):
    """The address register, which speaks queues instead of HTTP."""

    broker: BrokerSettings | None = None
    """The broker that it takes questions from; none: it does not run, but in the demonstration."""
    queue: str = "address.questions"
    """The queue that it takes questions from; made where it is not there."""
    delay: Pause = 0.0
    """How long after the question each answer is sent, for sources whose answers come by themselves."""
    misbehaviour: Misbehaviour = Misbehaviour()
    """How badly it behaves. `fault`, `status` and `http_…` become an answer that says: unavailable. `silent` and `cut`
    leave the question without an answer, and in an outage questions wait. `repeated` and `replayed` are an answer that
    belongs to no question, `doubled` the answer in two messages. It signs nothing."""


class Algorithm(StrEnum):
    """The kinds of keys that the gateway may have."""

    GOST_512 = "gost-512"
    """GOST R 34.10-2012 with 512 bits, as Kazakhstan's certificates of 2015 and later have it."""
    GOST_256 = "gost-256"
    """The same with 256 bits."""
    RSA = "rsa"
    """RSA with SHA-256."""


class SimulatorSettings(Settings):
    """The gateway, the agencies behind it and the population that they know."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Port to listen on; 0: any that is free."""
    seed: int = DEFAULT_SEED
    """The population and all chance follow from it."""
    size: Annotated[int, Field(ge=1, le=MAX_SIZE)] = DEFAULT_SIZE
    """How many persons there are; beside them a tenth as many organisations and half as many parcels."""
    sender_id: str = "appealbus"
    """Who may ask."""
    password: str | None = Field(default=None, repr=False)
    """With which password; none: any will do."""
    keys: ConfigPath | None = None
    """Folder with the keys of a signed contour; an empty or absent one is filled with new keys. With it the gateway
    takes signed messages only, ГБД ЮЛ signed content only, and all answers are signed. None: messages are unsigned."""
    algorithm: Algorithm = Algorithm.GOST_512
    """Of the keys that are made: gost-512, gost-256 or rsa."""
    gbdfl: GbdflService = GbdflService()
    """ГБД ФЛ, the register of persons."""
    gbdul: GbdulService = GbdulService()
    """ГБД ЮЛ, the register of legal entities."""
    egkn: EgknService = EgknService()
    """ЕГКН, the land cadastre."""
    address: AddressService = AddressService()
    """The address register, on a message broker."""
