"""Sends CloudTrail's events for calls of Secrets Manager and KMS to the default bus: option `api_events`.

AWS: "AWS CloudTrail entries for Secrets Manager", "Logging AWS KMS API calls with AWS CloudTrail" (detail
type "AWS API Call via CloudTrail"). They need a trail of management events. The answer's `arn` is in
`responseElements`; a read, TagResource and UntagResource have no answer. A call that fails has an
`errorCode`.

A call over HTTP has the identity of its caller. CloudFormation calls the handlers of Secrets Manager itself:
the event has the account's root as caller and `invokedBy` CloudFormation.
"""

import contextvars
import json
import time

from ministack import app
from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import eventbridge, kms
from ministack.services import secretsmanager as sm

from . import caller, rotation_options
from .common import Response

# What CloudFormation calls.
HANDLERS = {
    "CreateSecret": "_create_secret",
    "DeleteSecret": "_delete_secret",
    "RestoreSecret": "_restore_secret",
    "TagResource": "_tag_resource",
    "UntagResource": "_untag_resource",
    "UpdateSecret": "_update_secret",
    "RotateSecret": "_rotate_secret",
    "PutResourcePolicy": "_put_resource_policy",
    "DeleteResourcePolicy": "_delete_resource_policy",
}
OF_SECRETS = {
    *HANDLERS,
    "BatchGetSecretValue",
    "CancelRotateSecret",
    "GetSecretValue",
    "PutSecretValue",
    "UpdateSecretVersionStage",
}
OF_KEYS = {
    "DeleteImportedKeyMaterial",
    "DisableKey",
    "EnableKey",
    "PutKeyPolicy",
    "RevokeGrant",
    "ScheduleKeyDeletion",
}
READS = {"BatchGetSecretValue", "GetSecretValue"}
# The code of Secrets Manager and KMS, and what CloudTrail writes for it.
CODES = {"AccessDeniedException": "AccessDenied"}

# Whether a request over HTTP runs here. Its event is sent at its end.
_over_http: contextvars.ContextVar[bool] = contextvars.ContextVar("over_http", default=False)


def install() -> None:
    for operation, handler in HANDLERS.items():
        setattr(sm, handler, _by_cloudformation(operation, getattr(sm, handler)))
    emulator = app.app

    async def with_events(scope, receive, send):
        operation = _traced(scope)
        if operation:
            await _trace(operation, emulator, scope, receive, send)
        else:
            await emulator(scope, receive, send)

    app.app = with_events


def _by_cloudformation(operation: str, original):
    def call(data: dict) -> Response:
        if _over_http.get():
            return original(data)
        # A deletion without recovery leaves no secret to ask.
        name = _name_of(data)
        status, headers, body = original(data)
        if status < 400 and name and rotation_options.of(name).api_events:
            _put(operation, data, status, json.loads(body), caller.of_cloudformation())
        return status, headers, body

    return call


def _traced(scope: dict) -> str | None:
    """The operation of a request whose events this part sends."""
    if scope["type"] != "http":
        return None
    headers = dict(scope["headers"])
    service, _, operation = headers.get(b"x-amz-target", b"").decode().rpartition(".")
    known = {"secretsmanager": OF_SECRETS, "TrentService": OF_KEYS}.get(service, set())
    return operation if operation in known else None


async def _trace(operation: str, emulator, scope, receive, send) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    given = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[dict] = []

    async def receive_again():
        return given.pop() if given else await receive()

    async def keep(message):
        sent.append(message)

    token = _over_http.set(True)
    try:
        await emulator(scope, receive_again, keep)
    finally:
        _over_http.reset(token)
    # The caller gets the answer after the event is sent, so a test need not wait for the event.
    _put_events(operation, scope, _parsed(body), sent)
    for message in sent:
        await send(message)


def _put_events(operation: str, scope: dict, data: dict, sent: list[dict]) -> None:
    named = _names(operation, data)
    if not any(rotation_options.of(name).api_events for name in named):
        return
    status = next((message["status"] for message in sent if "status" in message), 500)
    answered = _parsed(b"".join(message.get("body", b"") for message in sent))
    who = caller.of_request(scope, next(map(rotation_options.of, named)))
    _put(operation, data, status, answered, who)
    # AWS: BatchGetSecretValue, "generates CloudTrail GetSecretValue log entries for each secret".
    for value in answered.get("SecretValues", []) if operation == "BatchGetSecretValue" else []:
        _put("GetSecretValue", {"SecretId": value["ARN"]}, 200, {}, who)
    for error in answered.get("Errors", []) if operation == "BatchGetSecretValue" else []:
        _put("GetSecretValue", {"SecretId": error["SecretId"]}, 400, {"__type": error["ErrorCode"]}, who)


def _parsed(body: bytes) -> dict:
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _names(operation: str, data: dict) -> list[str]:
    """The names for which an option may be set: those of the secrets, or the ARN or id of the key."""
    if operation in OF_KEYS:
        return [str(data.get("KeyId", ""))]
    named = [data.get("Name"), data.get("SecretId"), *(data.get("SecretIdList") or [])]
    return [_name(str(one)) for one in named if one]


def _name(reference: str) -> str:
    """The name in a complete ARN, or the reference itself."""
    return reference.partition(":secret:")[2][:-7] or reference


def _name_of(data: dict) -> str | None:
    if "Name" in data:
        return data["Name"]
    _, secret = sm._resolve(data.get("SecretId"))
    return secret["Name"] if secret else None


def _put(operation: str, data: dict, status: int, answer: dict, who: dict) -> None:
    of_key = operation in OF_KEYS
    service = "kms" if of_key else "secretsmanager"
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    detail = {
        "eventVersion": "1.09",
        **who,
        "eventTime": now,
        "eventSource": f"{service}.amazonaws.com",
        "eventName": operation,
        "awsRegion": get_region(),
        "requestParameters": _without_values(data),
        "responseElements": _response(operation, status, answer),
        "eventID": new_uuid(),
        "readOnly": operation in READS,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": get_account_id(),
        "eventCategory": "Management",
        **_error(status, answer),
        **(_key(data) if of_key else {}),
    }
    eventbridge._dispatch_event(
        {
            "EventId": new_uuid(),
            "Source": f"aws.{service}",
            "DetailType": "AWS API Call via CloudTrail",
            "Detail": json.dumps(detail),
            "EventBusName": "default",
            "Time": now,
            "Resources": [],
            "Account": get_account_id(),
            "Region": get_region(),
        }
    )


def _response(operation: str, status: int, answer: dict) -> dict | None:
    if status >= 400 or operation in READS or "ARN" not in answer:
        return None
    return {"arn": answer["ARN"], "name": answer["Name"]}


def _error(status: int, answer: dict) -> dict:
    if status < 400:
        return {}
    code = str(answer.get("__type", "")).rpartition("#")[2]
    message = answer.get("message") or answer.get("Message") or ""
    return {"errorCode": CODES.get(code, code), "errorMessage": message}


def _key(data: dict) -> dict:
    record = kms._resolve_key(data.get("KeyId"))
    arn = record["Arn"] if record else data.get("KeyId")
    return {"resources": [{"accountId": get_account_id(), "type": "AWS::KMS::Key", "ARN": arn}]}


def _without_values(data: dict) -> dict:
    """The parameters with small first letters, as CloudTrail writes them. It never writes a value."""
    kept = {key: value for key, value in data.items() if key not in ("SecretString", "SecretBinary")}
    return {key[0].lower() + key[1:]: _small(value) for key, value in kept.items()}


def _small(value: object) -> object:
    if isinstance(value, dict):
        return {key[0].lower() + key[1:]: _small(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_small(inner) for inner in value]
    return value
