"""The request quotas of Secrets Manager and of Amazon MQ's API, and a count of the calls (rows Q, E5).

The quotas of Secrets Manager are off until `POST /_testbed/limits` sets a factor. The factor multiplies every
quota, Amazon MQ's included, because the emulator serves fewer calls a second than AWS. Without a factor,
Amazon MQ's limit has its size on AWS.

Each limit is a token bucket. AWS publishes the burst of Amazon MQ only. A bucket of Secrets Manager holds the
calls of one second.
"""

import collections
import threading
import time

from ministack.services import secretsmanager as sm

from .common import Response, refuse

# Calls a second for the account and region, over all operations of a line.
SECRETS_MANAGER = (
    (50, ("DeleteResourcePolicy", "GetResourcePolicy", "PutResourcePolicy", "ValidateResourcePolicy")),
    (
        50,
        (
            "PutSecretValue",
            "RemoveRegionsFromReplication",
            "ReplicateSecretToRegions",
            "StopReplicationToReplica",
            "UpdateSecret",
            "UpdateSecretVersionStage",
        ),
    ),
    (50, ("RestoreSecret",)),
    (50, ("RotateSecret", "CancelRotateSecret")),
    (50, ("TagResource", "UntagResource")),
    (100, ("BatchGetSecretValue",)),
    (50, ("CreateSecret",)),
    (50, ("DeleteSecret",)),
    (40_000, ("DescribeSecret",)),
    (50, ("GetRandomPassword",)),
    (10_000, ("GetSecretValue",)),
    (50, ("ListSecretVersionIds",)),
    (100, ("ListSecrets",)),
)
AMAZON_MQ_A_SECOND, AMAZON_MQ_BURST = 15, 100
LARGEST_FACTOR = 10


class Bucket:
    """Allows a burst of calls, then a number of calls a second. It always allows the first call."""

    def __init__(self, a_second: float, burst: float) -> None:
        self.a_second, self.size = a_second, max(1.0, burst)
        self.tokens, self.seen = self.size, time.monotonic()

    def take(self) -> bool:
        now = time.monotonic()
        self.tokens = min(self.size, self.tokens + (now - self.seen) * self.a_second)
        self.seen = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Limits:
    """The buckets of an account, and the calls since they were made."""

    def __init__(self, factor: float | None) -> None:
        self.factor = factor
        self.served: collections.Counter[str] = collections.Counter()
        self.refused: collections.Counter[str] = collections.Counter()
        of_mq = 1.0 if factor is None else factor
        self.buckets = {"DescribeBroker": Bucket(AMAZON_MQ_A_SECOND * of_mq, AMAZON_MQ_BURST * of_mq)}
        for a_second, operations in SECRETS_MANAGER if factor is not None else ():
            shared = Bucket(a_second * factor, a_second * factor)
            self.buckets.update(dict.fromkeys(operations, shared))

    def admits(self, operation: str) -> bool:
        bucket = self.buckets.get(operation)
        admitted = bucket is None or bucket.take()
        (self.served if admitted else self.refused)[operation] += 1
        return admitted

    def as_json(self) -> dict:
        operations = sorted(self.served.keys() | self.refused.keys())
        calls = {name: {"served": self.served[name], "refused": self.refused[name]} for name in operations}
        return {"factor": self.factor, "calls": calls}


# Requests run on the event loop, and the control endpoint runs on threads.
_lock = threading.Lock()
_limits = Limits(None)


def install() -> None:
    original = sm.handle_request

    async def handle_request(method, path, headers, body, query_params) -> Response:
        if admits(headers.get("x-amz-target", "").rpartition(".")[2]):
            return await original(method, path, headers, body, query_params)
        return refuse("ThrottlingException", "Rate exceeded")

    sm.handle_request = handle_request


def admits(operation: str) -> bool:
    """Counts the call. Whether its limit allows it now."""
    with _lock:
        return _limits.admits(operation)


def change(arguments: dict) -> dict:
    """For the control endpoint: sets the factor; without one, the quotas are off. The counts start again."""
    global _limits
    factor = arguments.get("factor")
    if factor is not None and not (
        isinstance(factor, int | float) and not isinstance(factor, bool) and 0 < factor <= LARGEST_FACTOR
    ):
        raise ValueError(f"factor must be null or a number above 0, up to {LARGEST_FACTOR}")
    with _lock:
        _limits = Limits(factor)
        return _limits.as_json()


def read(_arguments: dict) -> dict:
    """For the control endpoint: the factor, and how many calls of each operation were served and refused."""
    with _lock:
        return _limits.as_json()
