"""What AWS services do with a role that they were given needs that role's permissions (rows I13 and I14).

- Lambda sends the record of an asynchronous invocation to its destination, and an event to the dead-letter
  queue, with the function's role.
- EventBridge Scheduler assumes the role of a schedule, which the role's trust policy must allow, and calls
  the target with it.

What is not allowed is dropped without an error to the caller, as on AWS. KMS permissions are not asked for.
"""

from ministack.core import iam_evaluator
from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.responses import get_region
from ministack.services import eventbridge, iam, scheduler

from . import asynchronous_invoke
from .authorisation import service_is_allowed, trust_policy_for_arn
from .common import scope_of

ACTIONS = {
    "sqs": "sqs:SendMessage",
    "sns": "sns:Publish",
    "lambda": "lambda:InvokeFunction",
    "events": "events:PutEvents",
}


def install() -> None:
    asynchronous_invoke._send = _as_the_function(asynchronous_invoke._send)
    eventbridge._invoke_target = _as_the_schedule(eventbridge._invoke_target)


def run_schedule(arguments: dict) -> dict:
    """Runs a schedule now, whatever its expression and its state. Returns whether its role allowed the call.

    There is no clock in tests, and the shortest interval of a schedule is a minute.
    """
    group, name = arguments["group"], arguments["name"]
    key = f"{group}/{name}"
    found = [(where, entry) for where, entry in list(scheduler._schedules._data.items()) if where[2] == key]
    if not found:
        raise ValueError(f"there is no schedule {key}")
    (account, region, _), schedule = found[0]
    target = schedule["Target"]
    event = {
        "EventId": name,
        "Source": "aws.scheduler",
        "DetailType": "Scheduled Event",
        "Detail": "{}",
        "Time": 0,
        "Resources": [schedule["Arn"]],
        "Account": account,
        "Region": region,
    }
    with scope_of(schedule["Arn"]):
        eventbridge._invoke_target(target, event, schedule)
        return {"allowed": _schedule_may_call(target, schedule)}


def _as_the_function(original):
    def send(target: str, record: dict, attributes: dict, which: str, config: dict) -> None:
        if _role_may_send(config.get("Role") or "", target):
            original(target, record, attributes, which, config)

    return send


def _as_the_schedule(original):
    def invoke_target(target: dict, event: dict, rule: dict, view=None) -> None:
        is_schedule = (rule.get("Arn") or "").startswith("arn:aws:scheduler:")
        if not is_schedule or _schedule_may_call(target, rule):
            original(target, event, rule, view)

    return invoke_target


def _schedule_may_call(target: dict, schedule: dict) -> bool:
    role = target.get("RoleArn") or ""
    group = schedule["Arn"].replace(":schedule/", ":schedule-group/").rpartition("/")[0]
    return _may_be_assumed_by("scheduler.amazonaws.com", role, group) and _role_may_send(role, target["Arn"])


def _may_be_assumed_by(service: str, role_arn: str, source_arn: str) -> bool:
    """AWS: "Confused deputy prevention in EventBridge Scheduler". The source is the schedule's group."""
    from ministack.app import AUTH

    if not AUTH:
        return True
    trust = _of_role(role_arn, trust_policy_for_arn)
    if not trust:
        return False
    policy, _ = trust
    return service_is_allowed(service, policy, "sts:AssumeRole", role_arn, source_arn)


def _role_may_send(role_arn: str, target: str) -> bool:
    """Whether the role's policies, its boundary and the policy of the target allow the call."""
    from ministack.app import AUTH

    if not AUTH:
        return True
    try:
        service = parse_arn(target).service
    except ArnParseError:
        return False
    action, account = ACTIONS.get(service), _of_role(role_arn, lambda arn: parse_arn(arn).account_id)
    if not action or not account:
        return False
    name = role_arn.rpartition("/")[2]
    context = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{name}/service",
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=target,
        region=get_region(),
    )
    policies = iam_evaluator._gather_role_policies(name, account)
    limits = iam_evaluator._permissions_boundary(iam._roles, name, account)
    result = iam_evaluator.evaluate(context, policies, *limits)
    found = iam_evaluator._resource_policy(service, target)
    if found is not None:
        result = iam_evaluator.combine_resource_policy(result, context, *found, limits=limits)
    return result.decision == "Allow"


def _of_role(role_arn: str, read):
    try:
        return read(role_arn)
    except ArnParseError:
        return None
