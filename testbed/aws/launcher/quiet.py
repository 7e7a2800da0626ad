"""Waits until the queues and a function have no work left (row A7).

A message becomes an event, and an event becomes a message. Therefore two checks in a row must find no work.
The checks run here because a client that polled over HTTP twenty times a second would keep the emulator busy.
"""

import time

from ministack.services import sqs

from . import asynchronous_invoke

LOOK_SECONDS = 0.05


def wait(arguments: dict) -> dict:
    function = arguments["function"]
    queues = [sqs._get_q(url) for url in arguments["queues"].split(",")]
    deadline = time.monotonic() + int(arguments["wait_ms"]) / 1000
    idle = 0
    while idle < 2:
        if time.monotonic() > deadline:
            return {"quiet": False}
        time.sleep(LOOK_SECONDS)
        busy = any(queue["messages"] for queue in queues) or asynchronous_invoke.are_under_way(function)
        idle = 0 if busy else idle + 1
    return {"quiet": True}
