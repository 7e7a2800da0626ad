// A producer and a consumer with amqplib that neither lose nor repeat an order while their credentials rotate.
//
// docs/src/clients/amqplib.md explains what matters. After SIGTERM, the program takes no more orders, finishes those that
// it has, and prints its counts.

import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { Ledger, version } from './files.js';
import { limited, Session } from './session.js';

const EXCHANGE = 'clients';
const BATCH_SIZE = 200;
// Milliseconds: the interval of batches, of checks for changes in the volume, the limit of an answer, the waits between
// attempts to connect, and the limit to finish after SIGTERM.
const BATCH_EVERY = 50;
const LOOK = 500;
const ANSWER_LIMIT = 10_000;
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 2_000;
const STOP_LIMIT = 20_000;

class Client {
  constructor(settings) {
    this.settings = settings;
    this.ledger = new Ledger(settings.ledger);
    this.counts = { confirmed: 0, resent: 0, redelivered: 0, duplicates: 0, replaced: 0, lost: 0 };
    this.began = performance.now();
    this.ordersBefore = this.ledger.orders;
    // The time limit to finish, after SIGTERM.
    this.until = null;
  }

  stop() {
    this.until ??= performance.now() + STOP_LIMIT;
  }

  isOver() {
    return this.until !== null && (this.ledger.isComplete() || performance.now() > this.until);
  }

  /** Returns whether all orders are finished. */
  async run() {
    let session = await this.connect();
    while (session && !this.isOver()) {
      let next = null;
      try {
        next = await this.workOn(session);
        if (next) this.counts.replaced += 1;
      } catch (error) {
        this.counts.lost += 1;
        console.error(`the connection is lost: ${error.message}`);
      }
      // The order matters: the next connection is open before the old one is closed.
      await session.close();
      session = next ?? (await this.connect());
    }
    await session?.close();
    console.log(JSON.stringify(this.counts));
    return this.ledger.isComplete();
  }

  open() {
    return Session.open(this.settings, (channel, message) => this.onMessage(channel, message));
  }

  /** Connects, and retries. Each attempt reads the volume again, because refused credentials may be old. */
  async connect() {
    for (let pause = FIRST_PAUSE; !this.isOver(); pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      try {
        return await this.open();
      } catch (error) {
        console.error(`no connection: ${error.message}`);
      }
      await sleep(pause);
    }
    return null;
  }

  /** Works on the connection. Returns the next one if the volume has changed, and null at the end. */
  async workOn(session) {
    let looked = performance.now();
    while (!this.isOver()) {
      if (session.lost) throw new Error(session.lost);
      this.takeOrders();
      await limited(this.publish(session), ANSWER_LIMIT, 'confirmations');
      await sleep(BATCH_EVERY);
      if (performance.now() - looked > LOOK) {
        looked = performance.now();
        const next = await this.following(session);
        if (next) return next;
      }
    }
    return null;
  }

  /** The connection with new credentials. If it cannot be opened, the old one stays in use. */
  async following(session) {
    try {
      return version(this.settings.credentials) === session.version ? null : await this.open();
    } catch (error) {
      console.error(`the old connection is still in use: ${error.message}`);
      return null;
    }
  }

  /** Takes the orders that are due, also those that arrived while there was no connection. */
  takeOrders() {
    const due = ((performance.now() - this.began) * this.settings.ordersPerSecond) / 1_000;
    while (this.until === null && this.ledger.orders - this.ordersBefore < Math.floor(due)) this.ledger.take();
  }

  /** Sends the oldest unconfirmed orders, and waits for the answers. An order stays in the outbox until it is confirmed. */
  async publish(session) {
    const orders = [...this.ledger.outbox.keys()].slice(0, BATCH_SIZE);
    const answers = await Promise.allSettled(orders.map((order) => this.send(session, order)));
    for (const [number, order] of orders.entries()) {
      const confirmed = answers[number].status === 'fulfilled' && !session.returned.delete(order);
      if (!confirmed) continue;
      this.ledger.outbox.delete(order);
      this.counts.confirmed += 1;
    }
  }

  send(session, order) {
    const attempts = this.ledger.outbox.get(order);
    if (attempts > 0) this.counts.resent += 1;
    this.ledger.outbox.set(order, attempts + 1);
    // The broker returns a mandatory message that no queue accepts. Otherwise, it would confirm and drop it.
    const options = { persistent: true, mandatory: true, messageId: order };
    return new Promise((resolve, reject) => {
      session.publisher.publish(EXCHANGE, this.settings.queue, Buffer.from(order), options, (error) =>
        error ? reject(error) : resolve(),
      );
    });
  }

  /** Does the work first, then acknowledges. */
  onMessage(channel, message) {
    if (message.fields.redelivered) this.counts.redelivered += 1;
    if (!this.ledger.finish(message.content.toString())) this.counts.duplicates += 1;
    channel.ack(message);
  }
}

const text = { type: 'string' };
const { values } = parseArgs({
  options: {
    host: text,
    port: { ...text, default: '5671' },
    vhost: { ...text, default: 'clients' },
    ca: text,
    credentials: text,
    queue: text,
    ledger: text,
    'orders-per-second': { ...text, default: '10' },
  },
});
const client = new Client({
  ...values,
  port: Number(values.port),
  ordersPerSecond: Number(values['orders-per-second']),
});
process.on('SIGTERM', () => client.stop());
// A late timer of the library must not keep the process alive.
process.exit((await client.run()) ? 0 : 1);
