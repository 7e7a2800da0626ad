"""Helpers of several services: the lock around secrets, errors in AWS' form, and the scope of an ARN."""

import contextlib
import contextvars
import threading
from collections.abc import Callable, Iterator

from ministack.core.arn import parse_arn
from ministack.core.responses import _request_account_id, _request_region, error_response_json

Response = tuple[int, dict, bytes]

# Requests run on the event loop and rotations run on threads. Both hold this lock when they change secrets.
lock = threading.RLock()


def refuse(code: str, message: str) -> Response:
    return error_response_json(code, message, 400)


@contextlib.contextmanager
def scope_of(arn: str) -> Iterator[None]:
    """Sets account and region to those of `arn`, because MiniStack keeps its state by account and region."""
    spec = parse_arn(arn)
    account = _request_account_id.set(spec.account_id)
    region = _request_region.set(spec.region)
    try:
        yield
    finally:
        _request_region.reset(region)
        _request_account_id.reset(account)


def in_background(work: Callable[..., None], *arguments: object) -> threading.Thread:
    """Runs `work` on a new thread, in the account and region of the caller."""
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(work, *arguments), daemon=True)
    thread.start()
    return thread


def locked(handler: Callable[[dict], Response]) -> Callable[[dict], Response]:
    def with_lock(data: dict) -> Response:
        with lock:
            return handler(data)

    return with_lock
