"""Adds SQS's redrive of a dead-letter queue, which MiniStack lacks (row A5).

AWS: "StartMessageMoveTask". Without a destination, each message goes back to the queue that it came from. The
task ends at once, so there is no call to list or cancel it.
"""

import json
import time

from ministack.core.responses import new_uuid
from ministack.services import lambda_svc as lam
from ministack.services import sqs


def install() -> None:
    sqs._HANDLERS["StartMessageMoveTask"] = _start


def _start(data: dict, _queue_url: str) -> dict:
    source = sqs._queue_by_arn(data.get("SourceArn", ""))
    if not source:
        raise sqs._Err(
            "ResourceNotFoundException", "The resource that you specified for SourceArn does not exist."
        )
    feeders = [queue for queue in sqs._queues.values() if _dead_letters_of(queue) == data["SourceArn"]]
    wanted = data.get("DestinationArn")
    if not feeders or (wanted and not sqs._queue_by_arn(wanted)):
        raise sqs._Err("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
    for message in source["messages"]:
        origin = message.get("sys", {}).pop("DeadLetterQueueSourceArn", "")
        target = sqs._queue_by_arn(wanted or origin) or feeders[0]
        message.update(receive_count=0, visible_at=time.time(), receipt_handle=None, first_receive_at=None)
        target["messages"].append(message)
    source["messages"].clear()
    lam.esm_wake.set()
    return {"TaskHandle": new_uuid()}


def _dead_letters_of(queue: dict) -> str:
    policy = queue["attributes"].get("RedrivePolicy") or "{}"
    return (json.loads(policy) if isinstance(policy, str) else policy).get("deadLetterTargetArn", "")
