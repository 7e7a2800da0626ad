"""Sends Secrets Manager's own CloudTrail events to the default EventBridge bus. They need no trail there.

AWS: "AWS CloudTrail entries for Secrets Manager" lists them. Their form is AwsServiceEvent. AWS does not
publish where they name the secret. Two forms were captured: option `event_form`.
"""

import itertools
import json
import time

from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import eventbridge

from . import rotation_options

# One process, many threads: `next` is atomic.
_count = itertools.count()


def put(name: str, secret_arn: str, error: str | None = None) -> None:
    form = rotation_options.of(secret_arn).event_form
    if form == "alternating":
        form = rotation_options.FORMS[next(_count) % 2]
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    detail = {
        "eventVersion": "1.08",
        "userIdentity": {"accountId": get_account_id(), "invokedBy": "secretsmanager.amazonaws.com"},
        "eventTime": now,
        "eventSource": "secretsmanager.amazonaws.com",
        "eventName": name,
        "awsRegion": get_region(),
        "sourceIPAddress": "secretsmanager.amazonaws.com",
        "userAgent": "secretsmanager.amazonaws.com",
        "requestParameters": None,
        "responseElements": None,
        **({"errorMessage": error} if error else {}),
        **(
            {"additionalEventData": {"SecretId": secret_arn}}
            if form == "additionalEventData"
            else {"serviceEventDetails": {"secretId": secret_arn}}
        ),
        "eventID": new_uuid(),
        "readOnly": False,
        "eventType": "AwsServiceEvent",
        "managementEvent": True,
        "recipientAccountId": get_account_id(),
        "eventCategory": "Management",
    }
    eventbridge._dispatch_event(
        {
            "EventId": new_uuid(),
            "Source": "aws.secretsmanager",
            "DetailType": "AWS Service Event via CloudTrail",
            "Detail": json.dumps(detail),
            "EventBusName": "default",
            "Time": now,
            "Resources": [],
            "Account": get_account_id(),
            "Region": get_region(),
        }
    )
