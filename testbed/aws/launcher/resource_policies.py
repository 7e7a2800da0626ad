"""Evaluates policies of queues and topics when a service sends; MiniStack does not (rows I9 and I10).

- The policy of a queue or topic must allow `events.amazonaws.com` to send or publish for the EventBridge
  rule. EventBridge sets no `aws:SourceAccount`.
- The policy of a topic must allow `cloudwatch.amazonaws.com` to publish for the alarm and its account.

A message that the policy does not allow is dropped without an error, as on AWS.
"""

from ministack.core.arn import ArnParseError, parse_arn
from ministack.core.responses import get_account_id
from ministack.services import cloudwatch, eventbridge, sns, sqs


def install() -> None:
    eventbridge._invoke_target = _as_the_rule(eventbridge._invoke_target)
    cloudwatch._dispatch_alarm_actions = _as_the_alarm(cloudwatch._dispatch_alarm_actions)


def _as_the_rule(original):
    def invoke_target(target: dict, event: dict, rule: dict, view=None) -> None:
        source = rule.get("Arn", "")
        # EventBridge Scheduler also calls this function. It acts with its own role (service_roles).
        is_rule = source.startswith("arn:aws:events:")
        if not is_rule or _takes(target.get("Arn", ""), "events.amazonaws.com", source, None):
            original(target, event, rule, view)

    return invoke_target


def _as_the_alarm(original):
    def dispatch_alarm_actions(alarm: dict, old_state: str, new_state: str, reason: str) -> None:
        def kept(actions: list[str]) -> list[str]:
            source, account = alarm.get("AlarmArn", ""), get_account_id()
            return [arn for arn in actions if _takes(arn, "cloudwatch.amazonaws.com", source, account)]

        fields = ("AlarmActions", "OKActions", "InsufficientDataActions")
        allowed = {field: kept(alarm.get(field) or []) for field in fields}
        original({**alarm, **allowed}, old_state, new_state, reason)

    return dispatch_alarm_actions


def _takes(target: str, service: str, source_arn: str, source_account: str | None) -> bool:
    """Whether the target's policy allows the service. Targets of other kinds have no policy here."""
    try:
        kind = parse_arn(target).service
    except ArnParseError:
        return True
    if kind == "sqs":
        return sqs.queue_policy_allows(target, service, source_arn, source_account)
    if kind == "sns":
        return sns.topic_policy_allows(target, service, source_arn, source_account)
    return True
