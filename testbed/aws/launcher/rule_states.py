"""Rules of EventBridge that also receive CloudTrail's read events (rows B).

AWS: "Receiving read-only management events from AWS services". A rule receives them only in the state
ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS. MiniStack sends nothing to a rule of that state. A pattern has
at most 2,048 characters ("Amazon EventBridge quotas").
"""

import json

from ministack.services import eventbridge
from ministack.services.cloudformation import provisioners

ALL = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
# AWS leaves out events whose names begin with these words.
READS = ("Describe", "Get", "List")
LONGEST_PATTERN = 2048


def install() -> None:
    original = eventbridge._dispatch_event

    def dispatch_event(event: dict, view=None) -> None:
        if not _is_read(event):
            original(event, view)
        _dispatch_to_rules_of_all(event, view)

    eventbridge._dispatch_event = dispatch_event
    _limit_patterns()


def _is_read(event: dict) -> bool:
    if event.get("DetailType") != "AWS API Call via CloudTrail":
        return False
    detail = json.loads(event.get("Detail") or "{}")
    return str(detail.get("eventName", "")).startswith(READS)


def _dispatch_to_rules_of_all(event: dict, view) -> None:
    """As `_dispatch_event` of MiniStack, for the rules that it leaves out."""
    rules = [(key, rule) for key, rule in list(eventbridge._rules.items()) if rule.get("State") == ALL]
    if not rules:
        return
    view = view or eventbridge._pattern_event_view(event)
    bus = event.get("EventBusName", "default")
    for key, rule in rules:
        is_meant = rule.get("EventBusName", "default") == bus and rule.get("EventPattern")
        if is_meant and eventbridge._matches_pattern_view(rule["EventPattern"], view, f"rule {key}"):
            for target in eventbridge._targets.get(key, []):
                eventbridge._invoke_target(target, event, rule, view)


def _limit_patterns() -> None:
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Events::Rule"]
    create, update = handlers["create"], handlers["update"]

    def checked_create(logical_id, properties, stack):
        _check(properties)
        return create(logical_id, properties, stack)

    def checked_update(physical_id, old, new, stack, *rest, **more):
        _check(new)
        return update(physical_id, old, new, stack, *rest, **more)

    provisioners._RESOURCE_HANDLERS["AWS::Events::Rule"] = {
        **handlers,
        "create": checked_create,
        "update": checked_update,
    }


def _check(properties: dict) -> None:
    pattern = properties.get("EventPattern") or ""
    text = pattern if isinstance(pattern, str) else json.dumps(pattern, separators=(",", ":"))
    if len(text) > LONGEST_PATTERN:
        raise ValueError(f"The event pattern has {len(text)} characters, more than {LONGEST_PATTERN}.")
