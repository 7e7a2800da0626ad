// The files of the example: the mounted Secret, and the ledger.

import fs from 'node:fs';
import path from 'node:path';

/** The folder of the current version in the mounted Secret. */
export function version(folder) {
  return fs.readlinkSync(path.join(folder, '..data'));
}

/**
 * Reads both files below the target of one link. Through `username` and `password`, a program could get the user of one
 * version and the password of the next.
 */
export function credentials(folder) {
  const now = version(folder);
  const read = (name) => fs.readFileSync(path.join(folder, now, name), 'utf8');
  return { version: now, username: read('username'), password: read('password') };
}

/**
 * The orders by their IDs. In a real service, `taken` is the outbox in its database, and `done` is a table with a unique
 * key.
 */
export class Ledger {
  constructor(folder) {
    fs.mkdirSync(folder, { recursive: true });
    this.takenFile = fs.openSync(path.join(folder, 'taken'), 'a+');
    this.doneFile = fs.openSync(path.join(folder, 'done'), 'a+');
    const lines = (name) => fs.readFileSync(path.join(folder, name), 'utf8').split('\n').filter(Boolean);
    const taken = lines('taken');
    this.done = new Set(lines('done'));
    this.orders = taken.length;
    // The number of attempts to send each order, oldest first. Those of an earlier run that are not done may be unconfirmed.
    this.outbox = new Map(taken.filter((order) => !this.done.has(order)).map((order) => [order, 0]));
  }

  take() {
    const order = `order-${String(this.orders + 1).padStart(7, '0')}`;
    fs.writeSync(this.takenFile, `${order}\n`);
    this.orders += 1;
    this.outbox.set(order, 0);
  }

  /** Does the work for an order, unless it is done already. Returns whether it was done now. */
  finish(order) {
    if (this.done.has(order)) return false;
    fs.writeSync(this.doneFile, `${order}\n`);
    this.done.add(order);
    return true;
  }

  isComplete() {
    return this.outbox.size === 0 && this.done.size >= this.orders;
  }
}
