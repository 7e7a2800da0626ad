"""A producer and a consumer with aio-pika: no order is lost or repeated while their credentials rotate.

docs/src/clients/aio-pika.md explains what matters. After SIGTERM, the program takes no more orders, finishes
those that it has, and prints its counts.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import signal
import ssl
import sys
import time

import aio_pika
from aio_pika.exceptions import AMQPError, DeliveryError
from files import Ledger, credentials, version

EXCHANGE = "clients"
# The most messages that are delivered again after a lost connection.
PREFETCH = 50
BATCH_SIZE = 200
# Seconds: the interval of batches, of checks for changes in the volume, the limit of an attempt to connect,
# of an answer and of a close, the waits between attempts, and the limit to finish after SIGTERM.
BATCH_EVERY = 0.05
LOOK = 0.5
ANSWER_LIMIT = 10
CLOSE_LIMIT = 5
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
STOP_LIMIT = 20

# What the report contains.
COUNTED = ("confirmed", "resent", "redelivered", "duplicates", "replaced", "lost")

log = logging.getLogger("client")


class Lost(Exception):
    """The connection cannot be used any more."""


# What a call on a lost connection raises. A channel that is closed raises RuntimeError.
FAILURES = (AMQPError, OSError, RuntimeError, asyncio.TimeoutError, Lost)


class Session:
    """A connection with a channel for the producer and a channel for the consumer."""

    async def open(self, arguments, on_message):
        self.version, user, password = credentials(arguments.credentials)
        self.lost = asyncio.Event()
        # Not connect_robust: it connects again with the credentials that it was created with, and after a
        # revocation it does so for ever.
        self.connection = await aio_pika.connect(
            host=arguments.host,
            port=arguments.port,
            login=user,
            password=password,
            virtualhost=arguments.vhost,
            ssl=True,
            ssl_context=ssl.create_default_context(cafile=arguments.ca),
            timeout=ANSWER_LIMIT,
            client_properties={"connection_name": "aio-pika-client"},
        )
        self.connection.close_callbacks.add(self.on_close)
        # The broker confirms each message, and a message that no queue accepts raises DeliveryError.
        publisher = await self.connection.channel(publisher_confirms=True, on_return_raises=True)
        self.exchange = await publisher.get_exchange(EXCHANGE, ensure=False)
        channel = await self.connection.channel()
        channel.close_callbacks.add(self.on_close)
        await channel.set_qos(prefetch_count=PREFETCH)
        # The broker may cancel the subscription alone, for example when the queue is deleted.
        # Then the channel stays open.
        underlay = await channel.get_underlay_channel()
        underlay.on_consumer_cancel_callbacks.add(self.on_close)
        queue = await channel.get_queue(arguments.queue, ensure=False)

        async def deliver(message):
            try:
                await on_message(message)
            except Exception:
                # The message is not acknowledged. It comes again on the next connection.
                log.exception("a message failed")
                self.lost.set()

        await queue.consume(deliver)
        log.info("connected as `%s`", user)

    def on_close(self, *_):
        self.lost.set()

    async def close(self):
        # If it is lost already, the broker delivers unacknowledged messages again.
        with contextlib.suppress(*FAILURES):
            await asyncio.wait_for(self.connection.close(), CLOSE_LIMIT)


class Client:
    def __init__(self, arguments):
        self.arguments = arguments
        self.ledger = Ledger(arguments.ledger)
        self.counts = dict.fromkeys(COUNTED, 0)
        self.began = time.monotonic()
        self.orders_before = self.ledger.orders
        # The time limit to finish, after SIGTERM.
        self.until = None

    def stop(self):
        self.until = time.monotonic() + STOP_LIMIT

    def is_over(self):
        return self.until is not None and (self.ledger.is_complete() or time.monotonic() > self.until)

    async def run(self):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.stop)
        session = await self.connect()
        while session and not self.is_over():
            try:
                session = await self.work_on(session)
            except FAILURES as error:
                self.counts["lost"] += 1
                log.warning("the connection is lost: %r", error)
                await session.close()
                session = await self.connect()
        if session:
            await session.close()
        print(json.dumps(self.counts), flush=True)
        return self.ledger.is_complete()

    async def attempt(self):
        session = Session()
        try:
            await asyncio.wait_for(session.open(self.arguments, self.on_message), ANSWER_LIMIT)
        except BaseException:
            # An open connection without its channels is of no use.
            if hasattr(session, "connection"):
                await session.close()
            raise
        return session

    async def connect(self):
        """Connects, and retries. Each attempt reads the volume again: refused credentials may be old."""
        pause = FIRST_PAUSE
        while not self.is_over():
            try:
                return await self.attempt()
            except FAILURES as error:
                log.warning("no connection: %r", error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        return None

    async def work_on(self, session):
        """Works on the connection. Returns the next one if the volume has changed, or this one at the end."""
        looked = time.monotonic()
        while not self.is_over():
            if session.lost.is_set():
                raise Lost("the connection or the subscription has ended, or a message failed")
            self.take_orders()
            await asyncio.wait_for(self.publish(session), ANSWER_LIMIT)
            await asyncio.sleep(BATCH_EVERY)
            if time.monotonic() - looked > LOOK:
                looked = time.monotonic()
                following = await self.following(session)
                if following:
                    self.counts["replaced"] += 1
                    await session.close()
                    return following
        return session

    async def following(self, session):
        """The connection with new credentials. If it cannot be opened, the old one stays in use."""
        try:
            if version(self.arguments.credentials) == session.version:
                return None
            return await self.attempt()
        except FAILURES as error:
            log.warning("the old connection is still in use: %r", error)
            return None

    def take_orders(self):
        """Takes the orders that are due, also those that arrived while there was no connection."""
        due = (time.monotonic() - self.began) * self.arguments.orders_per_second
        while self.until is None and self.ledger.orders - self.orders_before < int(due):
            self.ledger.take()

    async def publish(self, session):
        """Sends the oldest unconfirmed orders. An order stays in the outbox until it is confirmed."""
        orders = list(self.ledger.outbox)[:BATCH_SIZE]
        sent = [self.send(session, order) for order in orders]
        answers = await asyncio.gather(*sent, return_exceptions=True)
        for order, answer in zip(orders, answers, strict=True):
            if isinstance(answer, DeliveryError):
                log.warning("%s was refused: %r", order, answer)
            elif isinstance(answer, BaseException):
                raise Lost(repr(answer))
            else:
                del self.ledger.outbox[order]
                self.counts["confirmed"] += 1

    async def send(self, session, order):
        self.counts["resent"] += int(self.ledger.outbox[order] > 0)
        self.ledger.outbox[order] += 1
        message = aio_pika.Message(
            order.encode(), delivery_mode=aio_pika.DeliveryMode.PERSISTENT, message_id=order
        )
        await session.exchange.publish(message, self.arguments.queue, mandatory=True)

    async def on_message(self, message):
        """Does the work first, then acknowledges."""
        self.counts["redelivered"] += int(bool(message.redelivered))
        if not self.ledger.finish(message.body.decode()):
            self.counts["duplicates"] += 1
        await message.ack()


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
    return 0 if asyncio.run(client.run()) else 1


if __name__ == "__main__":
    sys.exit(main())
