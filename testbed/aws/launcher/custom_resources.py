"""CloudFormation's custom resources, as their functions meet them on AWS (rows K).

MiniStack invokes the function synchronously and takes any answer. After a Create that failed, it sends no
Delete. Here Lambda invokes the function asynchronously. The answer goes to a URL with the form of a presigned
URL of S3, and is checked. A rollback also covers a resource that failed, and one that was replaced.
"""

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote

from ministack import app
from ministack.core.responses import get_account_id, new_uuid, now_iso
from ministack.services import lambda_svc as lam
from ministack.services.cloudformation import custom_resource, handlers, stacks

PREFIX = "/cloudformation-custom-resource-response/"
LARGEST_ANSWER, LONGEST_ID = 4_096, 1_024
LONGEST_TIMEOUT = 3_600
# Presigned URLs of AWS are valid for longer than any request.
URL_SECONDS = 7_200


@dataclass
class Request:
    """A request to a function, and the answer that was uploaded."""

    event: dict
    uploaded: threading.Event = field(default_factory=threading.Event)
    body: bytes = b""


_lock = threading.Lock()
# By path and query of their URLs. An ended request stays, because S3 also takes an upload that is late.
_requests: dict[str, Request] = {}
# Resources whose Create failed, by stack id and logical id, until the rollback.
_failed_creates: dict[tuple[str, str], dict] = {}


def install() -> None:
    forget = custom_resource.reset

    def reset() -> None:
        forget()
        with _lock:
            _requests.clear()
            _failed_creates.clear()

    custom_resource.reset = reset
    custom_resource.invoke_custom_resource = invoke
    roll_back = _with_failed_and_replaced(stacks._roll_back_operation)
    stacks._roll_back_operation = handlers._roll_back_operation = roll_back
    emulator = app.app

    async def with_uploads(scope, receive, send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            status = _take(scope, await _body_of(receive))
            headers = [(b"content-length", b"0")]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
        else:
            await emulator(scope, receive, send)

    app.app = with_uploads


def invoke(
    request_type: str,
    logical_id: str,
    props: dict,
    stack_name: str,
    stack_id: str,
    resource_type: str,
    physical_id: str | None = None,
    old_props: dict | None = None,
) -> tuple[str, dict]:
    """Replaces MiniStack's function. Returns the physical id and the attributes."""
    token = props.get("ServiceToken", "")
    function, config, _ = lam._get_func_record_for_ref(token)
    if not function or not config:
        raise ValueError(f"the function of the custom resource was not found: {token}")
    limit = _limit_of(props)
    event = {
        "RequestType": request_type,
        "ServiceToken": token,
        "StackId": stack_id,
        "RequestId": new_uuid(),
        "LogicalResourceId": logical_id,
        **({"PhysicalResourceId": physical_id} if physical_id is not None else {}),
        "ResourceType": resource_type,
        "ResourceProperties": custom_resource._normalise_resource_properties(props),
        **(
            {"OldResourceProperties": custom_resource._normalise_resource_properties(old_props)}
            if old_props is not None
            else {}
        ),
    }
    request, event["ResponseURL"] = _register(event)
    lam.invoke_async_with_retry(lam._execution_record_for_config(function, config), event)
    answer, problem = _answer_to(request, limit)
    if problem is None:
        return answer["PhysicalResourceId"], answer.get("Data") or {}
    if request_type == "Create":
        # AWS makes up an id if the function answered none.
        made_up = f"{stack_name}-{logical_id}-{new_uuid().replace('-', '')[:12].upper()}"
        _failed_creates[(stack_id, logical_id)] = {
            "PhysicalResourceId": answer.get("PhysicalResourceId") or made_up,
            "ResourceType": resource_type,
            "ResourceStatus": "CREATE_FAILED",
            "LogicalResourceId": logical_id,
            "Properties": props,
            "Attributes": {},
            "Timestamp": now_iso(),
        }
    raise RuntimeError(problem)


def _limit_of(props: dict) -> int:
    text = str(props.get("ServiceTimeout", LONGEST_TIMEOUT))
    if not text.isdigit() or not 1 <= int(text) <= LONGEST_TIMEOUT:
        raise ValueError(f"ServiceTimeout must be a number from 1 to {LONGEST_TIMEOUT}: {text}")
    return int(text)


def _register(event: dict) -> tuple[Request, str]:
    """A URL for one answer. As on AWS, its path and its query contain percent-encoded characters."""
    resource = quote(f"{event['StackId']}|{event['LogicalResourceId']}|{event['RequestId']}", safe="/")
    expires = int(time.time()) + URL_SECONDS
    signature = quote(f"{new_uuid().replace('-', '')[:27]}=", safe="")
    key = f"AKIA{get_account_id()}"
    url = f"{PREFIX}{resource}?AWSAccessKeyId={key}&Expires={expires}&Signature={signature}"
    request = Request(event)
    with _lock:
        _requests[url] = request
    return request, f"{os.environ['AWS_ENDPOINT_URL']}{url}"


async def _body_of(receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _take(scope: dict, body: bytes) -> int:
    """The status with which S3 answers an upload to a presigned URL."""
    url = f"{scope['raw_path'].decode()}?{scope['query_string'].decode()}"
    headers = {name.lower(): value for name, value in scope["headers"]}
    with _lock:
        request = _requests.get(url)
    # The signature covers the method, the resource and the content type, which is empty.
    if request is None or scope["method"] != "PUT" or headers.get(b"content-type"):
        return 403
    if b"content-length" not in headers:
        return 411
    if not request.uploaded.is_set():
        request.body = body
        request.uploaded.set()
    return 200


def _answer_to(request: Request, limit: int) -> tuple[dict, str | None]:
    """Waits for the answer. Returns it, and why it is a failure."""
    if not request.uploaded.wait(limit):
        return {}, (
            "CloudFormation did not receive a response from your Custom Resource. Please check your logs for "
            f"requestId [{request.event['RequestId']}]."
        )
    if len(request.body) > LARGEST_ANSWER:
        return {}, "Response object is too long."
    try:
        answer = json.loads(request.body)
    except ValueError:
        return {}, "Response is not valid JSON"
    problem = _problem_of(answer, request.event)
    if problem:
        return {}, f"Invalid response from custom resource: {problem}"
    if answer["Status"] == "FAILED":
        reason = f"Message returned: {answer['Reason']} (RequestId: {request.event['RequestId']})"
        return answer, f"Received response status [FAILED] from custom resource. {reason}"
    return answer, None


def _problem_of(answer: object, event: dict) -> str | None:
    """What "Custom resource response objects" forbids."""
    if not isinstance(answer, dict):
        return "it is no object"
    if answer.get("Status") not in ("SUCCESS", "FAILED"):
        return "Status must be SUCCESS or FAILED"
    for name in ("StackId", "RequestId", "LogicalResourceId"):
        if answer.get(name) != event[name]:
            return f"{name} must be copied from the request"
    physical_id = answer.get("PhysicalResourceId")
    if not isinstance(physical_id, str) or not 1 <= len(physical_id.encode()) <= LONGEST_ID:
        return f"PhysicalResourceId must be a text of 1 to {LONGEST_ID} bytes"
    reason = answer.get("Reason", "")
    if not isinstance(reason, str) or (answer["Status"] == "FAILED" and not reason):
        return "Reason must be a text, and FAILED needs one"
    return None if isinstance(answer.get("Data", {}), dict) else "Data must be an object"


def _with_failed_and_replaced(original: Callable) -> Callable:
    """Adds to a rollback what CloudFormation sends for custom resources (rows K5, K6)."""

    async def roll_back(stack_name, stack_id, stack, operation, reason_override="") -> None:
        failed = operation.get("failed_logical_id")
        record = _failed_creates.pop((stack_id, failed), None)
        if record:
            stack.setdefault("_resources", {})[failed] = record
            operation = {**operation, "created": [*operation.get("created", []), failed]}
        refused = await _send_back(stack_name, stack_id, stack, operation)
        await original(stack_name, stack_id, stack, operation, reason_override)
        if refused:
            status = "UPDATE_ROLLBACK_FAILED"
            stack["StackStatus"] = status
            reason = f"The following resource(s) failed to update: [{', '.join(refused)}]."
            stack["StackStatusReason"] = reason
            kind = "AWS::CloudFormation::Stack"
            stacks._add_event(stack_id, stack_name, stack_name, kind, status, reason, stack_id)

    return roll_back


async def _send_back(stack_name: str, stack_id: str, stack: dict, operation: dict) -> list[str]:
    """Sends Update with the old properties to each replaced resource. Its new id is deleted afterwards."""
    previous = (operation.get("previous_stack") or {}).get("_resources", {})
    refused = []
    for logical_id in operation.get("replaced_ids", []):
        new, old = stack.get("_resources", {}).get(logical_id, {}), previous.get(logical_id, {})
        kind, physical_id = new.get("ResourceType", ""), new.get("PhysicalResourceId")
        is_custom = kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource"
        if not is_custom or physical_id == old.get("PhysicalResourceId"):
            continue
        properties = new.get("Properties", {}), old.get("Properties", {})
        names = stack_id, stack_name, logical_id, kind, physical_id
        try:
            await stacks._revert_update(*names, *properties, new.get("Attributes"), old)
        except Exception:
            # `_revert_update` has added the event with the reason.
            refused.append(logical_id)
    return refused
