"""A producer and a consumer with pika: no order is lost or repeated while their credentials rotate.

docs/src/clients/pika.md explains what matters. After SIGTERM, the program takes no more orders, finishes
those that it has, and prints its counts.
"""

import argparse
import contextlib
import json
import logging
import signal
import ssl
import sys
import time

import pika
from files import Ledger, credentials, version
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError, NackError, UnroutableError

EXCHANGE = "clients"
# The most messages that are delivered again after a lost connection.
PREFETCH = 50
BATCH_SIZE = 50
# Seconds: the interval of batches, of checks for changes in the volume, the limit of an attempt to connect
# and of an answer, the waits between attempts, and the limit to finish after SIGTERM.
BATCH_EVERY = 0.05
LOOK = 0.5
ANSWER_LIMIT = 10
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
STOP_LIMIT = 20

# What the report contains.
COUNTED = ("confirmed", "resent", "redelivered", "duplicates", "replaced", "lost")

# What a failed connection or call raises. A handshake that takes too long raises AMQPConnectorException,
# which is no AMQPError.
FAILURES = (AMQPError, OSError, AMQPConnectorException)

log = logging.getLogger("client")


class Session:
    """A connection with a channel for the producer and a channel for the consumer."""

    def __init__(self, arguments, on_message):
        self.version, user, password = credentials(arguments.credentials)
        parameters = pika.ConnectionParameters(
            host=arguments.host,
            port=arguments.port,
            virtual_host=arguments.vhost,
            credentials=pika.PlainCredentials(user, password),
            ssl_options=pika.SSLOptions(ssl.create_default_context(cafile=arguments.ca), arguments.host),
            # pika's own attempts would use the old credentials again.
            connection_attempts=1,
            socket_timeout=ANSWER_LIMIT,
            stack_timeout=ANSWER_LIMIT,
            # Without this limit, a publish waits as long as the broker has a memory or disk alarm.
            blocked_connection_timeout=ANSWER_LIMIT,
            client_properties={"connection_name": "pika-client"},
        )
        self.connection = pika.BlockingConnection(parameters)
        try:
            self.open_channels(arguments.queue, on_message)
        except BaseException:
            # An open connection without its channels is of no use.
            self.close()
            raise
        log.info("connected as `%s`", user)

    def open_channels(self, queue, on_message):
        self.publisher = self.connection.channel()
        # After this, basic_publish waits for the confirmation.
        self.publisher.confirm_delivery()
        self.consumer = self.connection.channel()
        self.consumer.basic_qos(prefetch_count=PREFETCH)
        self.consumer.basic_consume(queue, on_message)

    def has_subscription(self):
        """False if the broker has closed the channel, or cancelled the subscription."""
        return self.consumer.is_open and bool(self.consumer.consumer_tags)

    def close(self):
        # If it is lost already, the broker delivers unacknowledged messages again.
        with contextlib.suppress(*FAILURES):
            self.connection.close()


class Client:
    def __init__(self, arguments):
        self.arguments = arguments
        self.ledger = Ledger(arguments.ledger)
        self.counts = dict.fromkeys(COUNTED, 0)
        self.began = time.monotonic()
        self.orders_before = self.ledger.orders
        # The time limit to finish, after SIGTERM.
        self.until = None

    def stop(self, *_):
        self.until = time.monotonic() + STOP_LIMIT

    def is_over(self):
        return self.until is not None and (self.ledger.is_complete() or time.monotonic() > self.until)

    def run(self):
        session = self.connect()
        while session and not self.is_over():
            try:
                session = self.work_on(session)
            except FAILURES as error:
                self.counts["lost"] += 1
                log.warning("the connection is lost: %r", error)
                session.close()
                session = self.connect()
        if session:
            session.close()
        print(json.dumps(self.counts), flush=True)
        return self.ledger.is_complete()

    def connect(self):
        """Connects, and retries. Each attempt reads the volume again: refused credentials may be old."""
        pause = FIRST_PAUSE
        while not self.is_over():
            try:
                return Session(self.arguments, self.on_message)
            except FAILURES as error:
                log.warning("no connection: %r", error)
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        return None

    def work_on(self, session):
        """Works on the connection. Returns the next one if the volume has changed, or this one at the end."""
        looked = time.monotonic()
        while not self.is_over():
            self.take_orders()
            self.publish(session)
            # Calls on_message for what has arrived. Without these calls, no heartbeat is answered either.
            session.connection.process_data_events(time_limit=BATCH_EVERY)
            if not session.has_subscription():
                raise AMQPError("the subscription ended")
            if time.monotonic() - looked > LOOK:
                looked = time.monotonic()
                following = self.following(session)
                if following:
                    self.counts["replaced"] += 1
                    session.close()
                    return following
        return session

    def following(self, session):
        """The connection with new credentials. If it cannot be opened, the old one stays in use."""
        try:
            if version(self.arguments.credentials) == session.version:
                return None
            return Session(self.arguments, self.on_message)
        except FAILURES as error:
            log.warning("the old connection is still in use: %r", error)
            return None

    def take_orders(self):
        """Takes the orders that are due, also those that arrived while there was no connection."""
        due = (time.monotonic() - self.began) * self.arguments.orders_per_second
        while self.until is None and self.ledger.orders - self.orders_before < int(due):
            self.ledger.take()

    def publish(self, session):
        """Sends the oldest unconfirmed orders. An order stays in the outbox until it is confirmed."""
        for order in list(self.ledger.outbox)[:BATCH_SIZE]:
            self.counts["resent"] += int(self.ledger.outbox[order] > 0)
            self.ledger.outbox[order] += 1
            properties = pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent, message_id=order)
            try:
                # The broker returns a mandatory message that no queue accepts.
                session.publisher.basic_publish(
                    EXCHANGE, self.arguments.queue, order.encode(), properties, mandatory=True
                )
            except (NackError, UnroutableError) as error:
                log.warning("%s was refused: %r", order, error)
                continue
            del self.ledger.outbox[order]
            self.counts["confirmed"] += 1

    def on_message(self, channel, method, _properties, body):
        """Does the work first, then acknowledges."""
        self.counts["redelivered"] += int(method.redelivered)
        if not self.ledger.finish(body.decode()):
            self.counts["duplicates"] += 1
        channel.basic_ack(method.delivery_tag)


def main():
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    log.setLevel(logging.INFO)
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, default=5671)
    parser.add_argument("--vhost", default="clients")
    parser.add_argument("--ca", help="a file with private certificate authorities")
    parser.add_argument("--credentials", required=True, help="the mounted Secret")
    parser.add_argument("--queue", required=True)
    parser.add_argument("--ledger", required=True, help="the folder of the ledger")
    parser.add_argument("--orders-per-second", type=int, default=10)
    client = Client(parser.parse_args())
    signal.signal(signal.SIGTERM, client.stop)
    return 0 if client.run() else 1


if __name__ == "__main__":
    sys.exit(main())
