// A connection with a channel for the producer and a channel for the consumer.

import fs from 'node:fs';

import amqplib from 'amqplib';

import { credentials } from './files.js';

// The most messages that are delivered again after a lost connection.
const PREFETCH = 50;
const CONNECT_LIMIT = 10_000;
const CLOSE_LIMIT = 5_000;

/** Fails if `work` takes longer than `limit` milliseconds. amqplib has no such limit for most calls. */
export async function limited(work, limit, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${limit} ms: ${what}`)), limit);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

export class Session {
  /** Connects with the current credentials in the volume. `onMessage` gets each message with its channel. */
  static async open(settings, onMessage) {
    const { version, username, password } = credentials(settings.credentials);
    const session = new Session();
    session.version = version;
    session.lost = null;
    session.returned = new Set();
    // As an object, not as a URL: a password may contain any character, and no error can show a part of the URL.
    const server = {
      protocol: 'amqps', hostname: settings.host, port: settings.port, username, password, vhost: settings.vhost,
    };
    const ca = settings.ca ? fs.readFileSync(settings.ca) : undefined;
    const clientProperties = { connection_name: 'amqplib-client' };
    // Without `recovery`: it logs in with the password that it was given at the start.
    session.connection = await amqplib.connect(server, { ca, timeout: CONNECT_LIMIT, clientProperties });
    // Without a listener for `error`, an error that the broker reports ends the whole process.
    session.connection.on('error', (error) => session.lose(error.message));
    session.connection.on('close', () => session.lose('it was closed'));
    try {
      await limited(session.openChannels(settings.queue, onMessage), CONNECT_LIMIT, 'the channels');
    } catch (error) {
      await session.close();
      throw error;
    }
    console.error(`connected as \`${username}\``);
    return session;
  }

  async openChannels(queue, onMessage) {
    this.publisher = this.watch(await this.connection.createConfirmChannel());
    // The broker sends the return of a message before its confirmation.
    this.publisher.on('return', (message) => this.returned.add(message.properties.messageId));
    const channel = this.watch(await this.connection.createChannel());
    await channel.prefetch(PREFETCH);
    await channel.consume(queue, (message) => {
      // The broker has cancelled the subscription, for example because the queue was deleted.
      if (message === null) return this.lose('the subscription was cancelled');
      return this.lost ? undefined : onMessage(channel, message);
    });
  }

  watch(channel) {
    channel.on('error', (error) => this.lose(error.message));
    channel.on('close', () => this.lose('a channel was closed'));
    return channel;
  }

  lose(why) {
    this.lost ??= why;
  }

  async close() {
    // If it is lost already, the broker delivers unacknowledged messages again.
    await limited(this.connection.close(), CLOSE_LIMIT, 'close').catch(() => {});
  }
}
