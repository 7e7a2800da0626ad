"""Names the resource and the action of a call as AWS's service authorization reference does (I12).

A permission on one rule, schedule or access entry would match nothing otherwise.
"""

import json
from urllib.parse import unquote

from ministack.core import iam_actions
from ministack.services import eks

# The operations on a rule, and the parameter that names it.
RULE_OPERATIONS = {
    "DeleteRule": "Name",
    "DescribeRule": "Name",
    "DisableRule": "Name",
    "EnableRule": "Name",
    "ListTargetsByRule": "Rule",
    "PutRule": "Name",
    "PutTargets": "Rule",
    "RemoveTargets": "Rule",
}


def install() -> None:
    original = iam_actions.extract_resource_arn

    def extract_resource_arn(service, method, path, headers, body, query_params, region, account_id):
        name = {"events": _rule, "scheduler": _schedule, "eks": _access_entry}.get(service)
        found = name(headers, path, body, query_params) if name else None
        if found:
            return found if found.startswith("arn:") else f"arn:aws:{service}:{region}:{account_id}:{found}"
        return original(service, method, path, headers, body, query_params, region, account_id)

    iam_actions.extract_resource_arn = extract_resource_arn
    iam_actions._lambda_action = _with_reads(iam_actions._lambda_action)


def _with_reads(original):
    """MiniStack names a read of a function's concurrency, and of one event source mapping, as other calls."""

    def lambda_action(method: str, path: str) -> str | None:
        parts = [part for part in path.split("/") if part]
        if method == "GET" and parts[-1:] == ["concurrency"]:
            return "GetFunctionConcurrency"
        if method == "GET" and parts[-2:-1] == ["event-source-mappings"]:
            return "GetEventSourceMapping"
        return original(method, path)

    return lambda_action


def _rule(headers: dict, path: str, body: bytes, query_params: dict) -> str | None:
    """A rule of the default bus has no bus in its ARN."""
    parameter = RULE_OPERATIONS.get(headers.get("x-amz-target", "").rpartition(".")[2])
    data = _json(body)
    if not parameter or (data.get("EventBusName") or "default") != "default":
        return None
    return f"rule/{data.get(parameter)}"


def _schedule(headers: dict, path: str, body: bytes, query_params: dict) -> str | None:
    parts = [unquote(part) for part in path.split("/") if part]
    if len(parts) != 2 or parts[0] != "schedules":
        return None
    group = query_params.get("groupName") or _json(body).get("GroupName") or "default"
    return f"schedule/{group[0] if isinstance(group, list) else group}/{parts[1]}"


def _access_entry(headers: dict, path: str, body: bytes, query_params: dict) -> str | None:
    before, _, principal = path.partition("/access-entries/")
    cluster = before.rpartition("/")[2]
    entry = eks._access_entries.get(eks._ae_key(cluster, unquote(principal))) if principal else None
    return entry["accessEntryArn"] if entry else None


def _json(body: bytes) -> dict:
    try:
        data = json.loads(body or b"{}")
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
