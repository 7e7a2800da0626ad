"""Sends CloudTrail's events for calls of Secrets Manager to the default EventBridge bus: option `api_events`.

AWS: "AWS CloudTrail entries for Secrets Manager" (detail type "AWS API Call via CloudTrail"). They need a
trail of management events. The answer's `arn` is in `responseElements`; TagResource and UntagResource have no
answer.
"""

import json
import time

from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import eventbridge
from ministack.services import secretsmanager as sm

from . import rotation_options
from .common import Response

OPERATIONS = {
    "CreateSecret": "_create_secret",
    "DeleteSecret": "_delete_secret",
    "RestoreSecret": "_restore_secret",
    "TagResource": "_tag_resource",
    "UntagResource": "_untag_resource",
}


def install() -> None:
    for operation, handler in OPERATIONS.items():
        setattr(sm, handler, _with_event(operation, getattr(sm, handler)))


def _with_event(operation: str, original):
    def call(data: dict) -> Response:
        # A deletion without recovery leaves no secret to ask.
        name = _name_of(data)
        status, headers, body = original(data)
        if status < 400 and name and rotation_options.of(name).api_events:
            _put(operation, data, json.loads(body))
        return status, headers, body

    return call


def _name_of(data: dict) -> str | None:
    if "Name" in data:
        return data["Name"]
    _, secret = sm._resolve(data.get("SecretId"))
    return secret["Name"] if secret else None


def _put(operation: str, data: dict, answer: dict) -> None:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    detail = {
        "eventVersion": "1.08",
        "userIdentity": {"type": "Root", "accountId": get_account_id()},
        "eventTime": now,
        "eventSource": "secretsmanager.amazonaws.com",
        "eventName": operation,
        "awsRegion": get_region(),
        "requestParameters": _without_values(data),
        "responseElements": {"arn": answer["ARN"], "name": answer["Name"]} if "ARN" in answer else None,
        "eventID": new_uuid(),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": get_account_id(),
        "eventCategory": "Management",
    }
    eventbridge._dispatch_event(
        {
            "EventId": new_uuid(),
            "Source": "aws.secretsmanager",
            "DetailType": "AWS API Call via CloudTrail",
            "Detail": json.dumps(detail),
            "EventBusName": "default",
            "Time": now,
            "Resources": [],
            "Account": get_account_id(),
            "Region": get_region(),
        }
    )


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
