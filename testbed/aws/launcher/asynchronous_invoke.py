"""Invokes functions asynchronously, as Lambda does for Invoke `Event`, EventBridge and SNS (rows A).

AWS: "Capturing records of Lambda asynchronous invocations" and "How Lambda handles errors". A failed event is
tried twice more. A throttled event goes back to the queue. After the last failure, the record goes to the
OnFailure destination and the event itself goes to the dead-letter queue. After a success, the record goes to
OnSuccess.
"""

import collections
import datetime
import json
import os
import threading
import time

from ministack.core.arn import parse_arn
from ministack.core.responses import get_region, new_uuid
from ministack.services import eventbridge, sns, sqs
from ministack.services import lambda_svc as lam

from .common import in_background, scope_of

RETRY_BASE_SECONDS = float(os.environ.get("LAMBDA_ASYNC_RETRY_BASE_SECONDS", "1"))
DAY_SECONDS = 86_400

_changed = threading.Condition()
_under_way: collections.Counter[str] = collections.Counter()


def install() -> None:
    lam.invoke_async_with_retry = _accept
    eventbridge._dispatch_to_lambda = _from_eventbridge
    sns._deliver_to_lambda = _from_sns


def under_way(arguments: dict) -> dict:
    """Counts the events of a function that have not ended yet, retries and the record included (row A6).

    Waits until there are none, but at most `wait_ms`. A client that polled instead would keep the emulator
    busy.
    """
    name, limit = arguments["function"], int(arguments.get("wait_ms", 0)) / 1000
    with _changed:
        _changed.wait_for(lambda: not _under_way[name], timeout=limit)
        return {"underWay": _under_way[name]}


def are_under_way(function: str) -> bool:
    with _changed:
        return _under_way[function] > 0


def _accept(function: dict, event: dict) -> None:
    name = (function.get("config") or function)["FunctionName"]
    with _changed:
        _under_way[name] += 1
    in_background(_to_the_end, name, function, event)


def _to_the_end(name: str, function: dict, event: dict) -> None:
    try:
        _invoke(function, event)
    finally:
        with _changed:
            _under_way[name] -= 1
            _changed.notify_all()


def _from_eventbridge(arn: str, payload: str) -> None:
    _start(arn, json.loads(payload))


def _from_sns(endpoint, envelope, topic_arn, subscription_arn, message_id, message, attributes) -> None:
    record = {
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription_arn,
        "EventSource": "aws:sns",
        "Sns": json.loads(envelope),
    }
    _start(endpoint, {"Records": [record]})


def _start(arn: str, event: dict) -> None:
    function, config, name = lam._get_func_record_for_ref(arn)
    if not function or not config:
        lam.logger.warning("asynchronous invocation: function %s not found", name)
        return
    lam.invoke_async_with_retry(lam._execution_record_for_config(function, config), event)


def _invoke(function: dict, event: dict) -> None:
    config = function.get("config") or function
    with scope_of(config["FunctionArn"]):
        configured = function.get("event_invoke_configs") or {}
        settings = configured.get("") or configured.get("$LATEST") or {}
        request_id, started = new_uuid(), time.monotonic()
        age = int(settings.get("MaximumEventAgeInSeconds") or 21_600)
        retries = settings.get("MaximumRetryAttempts")
        left = 2 if retries is None else int(retries)
        attempts, delay = 0, RETRY_BASE_SECONDS
        while True:
            result = lam._execute_function(function, event)
            throttled = bool(result.get("throttle"))
            attempts += 0 if throttled else 1
            if not throttled and not result.get("error"):
                _report(config, settings, "OnSuccess", "Success", attempts, request_id, event, result)
                return
            if time.monotonic() - started + delay > age:
                condition = "EventAgeExceeded"
                break
            if not throttled and attempts > left:
                condition = "RetriesExhausted"
                break
            time.sleep(delay)
            delay = min(delay * 2, 30 * RETRY_BASE_SECONDS)
        _report(config, settings, "OnFailure", condition, attempts, request_id, event, result)
        _dead_letter(config, request_id, event, result)


def _report(config, settings, which, condition, attempts, request_id, event, result) -> None:
    """Sends the invocation record, version 1.0."""
    target = ((settings.get("DestinationConfig") or {}).get(which) or {}).get("Destination")
    if not target:
        return
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    response = {"statusCode": 200, "executedVersion": config.get("Version", "$LATEST")}
    if which == "OnFailure":
        response["functionError"] = "Unhandled"
    record = {
        "version": "1.0",
        "timestamp": now,
        "requestContext": {
            "requestId": request_id,
            "functionArn": f"{config['FunctionArn']}:{config.get('Version', '$LATEST')}",
            "condition": condition,
            "approximateInvokeCount": attempts,
        },
        "requestPayload": event,
        "responseContext": response,
        "responsePayload": result.get("body"),
    }
    _send(target, record, {}, which, config)


def _dead_letter(config: dict, request_id: str, event: dict, result: dict) -> None:
    """Sends the unchanged event to the dead-letter queue, with the error as message attributes."""
    target = (config.get("DeadLetterConfig") or {}).get("TargetArn")
    if not target:
        return
    body = result.get("body") if isinstance(result.get("body"), dict) else {}
    attributes = {
        "RequestID": {"DataType": "String", "StringValue": request_id},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        "ErrorMessage": {
            "DataType": "String",
            "StringValue": str(body.get("errorMessage", ""))[:1024] or "-",
        },
    }
    _send(target, event, attributes, "DeadLetterQueue", config)


def _send(target: str, record: dict, attributes: dict, which: str, config: dict) -> None:
    spec, text = parse_arn(target), json.dumps(record)
    if spec.service == "sqs":
        queue = sqs._queue_by_arn(target)
        if queue:
            request = {"QueueUrl": queue["url"], "MessageBody": text, "MessageAttributes": attributes}
            sqs._act_send_message(request, queue["url"])
        else:
            lam.logger.warning("asynchronous invocation: no queue %s", target)
    elif spec.service == "sns":
        sns._fanout(target, new_uuid(), text, "", message_attributes=attributes)
    elif spec.service == "lambda":
        _start(target, record)
    elif spec.service == "events":
        detail_type = (
            f"Lambda Function Invocation Result - {'Success' if which == 'OnSuccess' else 'Failure'}"
        )
        eventbridge._dispatch_event(
            {
                "EventId": new_uuid(),
                "Source": "lambda",
                "DetailType": detail_type,
                "Detail": text,
                "EventBusName": spec.resource.partition("/")[2] or "default",
                "Time": record.get("timestamp"),
                "Resources": [target, config["FunctionArn"]],
                "Account": spec.account_id,
                "Region": get_region(),
            }
        )
