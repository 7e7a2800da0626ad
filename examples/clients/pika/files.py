"""The files of the example: the mounted Secret, and the ledger."""

import os


def version(folder):
    """The folder of the current version in the mounted Secret."""
    return os.readlink(os.path.join(folder, "..data"))


def credentials(folder):
    """The version, the user and its password. Both files are read below the target of one link: through
    `username` and `password`, a program could get the user of one version and the password of the next."""
    now = version(folder)

    def read(name):
        with open(os.path.join(folder, now, name), encoding="utf-8") as file:
            return file.read()

    return now, read("username"), read("password")


class Ledger:
    """The orders by their IDs. In a real service, `taken` is the outbox in its database, and `done` is a
    table with a unique key."""

    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        # They stay open until the program ends.
        self.taken_file = open(os.path.join(folder, "taken"), "a+", encoding="utf-8", buffering=1)  # noqa: SIM115
        self.done_file = open(os.path.join(folder, "done"), "a+", encoding="utf-8", buffering=1)  # noqa: SIM115
        self.taken_file.seek(0)
        self.done_file.seek(0)
        taken = self.taken_file.read().splitlines()
        self.done = set(self.done_file.read().splitlines())
        self.orders = len(taken)
        # The number of attempts to send each order. An order of an earlier run that is not done may be
        # unconfirmed.
        self.outbox = {order: 0 for order in taken if order not in self.done}

    def take(self):
        order = f"order-{self.orders + 1:07}"
        self.taken_file.write(order + "\n")
        self.orders += 1
        self.outbox[order] = 0

    def finish(self, order):
        """Does the work for an order, unless it is done already."""
        if order in self.done:
            return False
        self.done_file.write(order + "\n")
        self.done.add(order)
        return True

    def is_complete(self):
        return not self.outbox and len(self.done) >= self.orders
