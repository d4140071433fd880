"""A plain loop: pika's blocking connection and zeep's synchronous client, one appeal after the other."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pika
from contract import IN, OUT, write_wsdl
from zeep import Client
from zeep.helpers import serialize_object

AMQP, URL, WINDOW = sys.argv[1], sys.argv[2], int(sys.argv[3])

with tempfile.TemporaryDirectory() as folder:
    service = Client(str(write_wsdl(Path(folder), URL))).service


def arrived(channel: Any, method: Any, _properties: Any, body: bytes) -> None:
    appeal = json.loads(body)
    number = appeal["message_id"]
    first, second = service.GetRecord(id=number), service.GetRecord(id=f"{number}-1")
    record = {"appeal": appeal, "first": serialize_object(first), "second": serialize_object(second)}
    told = json.dumps(record, default=str).encode()
    channel.basic_publish("", OUT, told, pika.BasicProperties(delivery_mode=2))
    channel.basic_ack(method.delivery_tag)


channel = pika.BlockingConnection(pika.URLParameters(AMQP)).channel()
channel.confirm_delivery()
channel.basic_qos(prefetch_count=WINDOW)
channel.basic_consume(IN, arrived)
channel.start_consuming()
