"""Options for the behaviour of rotations that AWS does not publish.

Defaults come from the environment. Options can be changed at run time, for all secrets or for one, so one
emulator serves several hypotheses at the same time.
"""

import dataclasses
import os

RETRIES = ("none", "same-token", "new-token")
PENDING = ("kept", "removed")
FORMS = ("additionalEventData", "serviceEventDetails")
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")


@dataclasses.dataclass(frozen=True)
class Options:
    """`retry`: what follows a failed attempt. There are `retries`, with `retry_delay_ms` between them.

    `pending_after_promotion`: whether the version that becomes AWSCURRENT keeps AWSPENDING.
    `duplicate_steps`: these steps are invoked twice at the same time.
    `late_step`: after the last attempt, the step that failed first runs again with the token of its attempt.
    `steps`: the number of steps to run, as if Secrets Manager were interrupted between two steps.
    `rotation_token`: sent with each step, as AWS does when the function runs under an assumed role.
    `event_form`: where CloudTrail's events name the secret; `alternating` uses the forms in turn.
    `created_event`: whether the first value of CreateSecret sends Secret Label Updated.
    `api_events`: whether calls that read or change a secret send CloudTrail's events.
    `call_address`, `call_endpoint`: where these events say that a call came from. Empty: the loopback
    address, and no VPC endpoint.
    `enabled_during_test`: whether DescribeSecret returns RotationEnabled while a first rotation is only
    tested.
    """

    retry: str = "none"
    retries: int = 2
    retry_delay_ms: int = 50
    pending_after_promotion: str = "kept"
    duplicate_steps: tuple[str, ...] = ()
    late_step: bool = False
    steps: int = 4
    rotation_token: bool = False
    enabled_during_test: bool = True
    event_form: str = "alternating"
    created_event: bool = False
    api_events: bool = False
    call_address: str = ""
    call_endpoint: str = ""

    def __post_init__(self) -> None:
        _check("retry", self.retry in RETRIES, f"one of {', '.join(RETRIES)}")
        _check(
            "pending_after_promotion", self.pending_after_promotion in PENDING, f"one of {', '.join(PENDING)}"
        )
        forms = ("alternating", *FORMS)
        _check("event_form", self.event_form in forms, f"one of {', '.join(forms)}")
        _check("duplicate_steps", set(self.duplicate_steps) <= set(STEPS), f"a list of {', '.join(STEPS)}")
        for name, most in (("retries", 10), ("retry_delay_ms", 60_000), ("steps", 4)):
            value = getattr(self, name)
            _check(name, type(value) is int and 0 <= value <= most, f"a whole number from 0 to {most}")
        for name in ("late_step", "rotation_token", "enabled_during_test", "created_event", "api_events"):
            _check(name, isinstance(getattr(self, name), bool), "true or false")
        for name in ("call_address", "call_endpoint"):
            _check(name, isinstance(getattr(self, name), str), "a text")


def _check(name: str, right: bool, expected: str) -> None:
    if not right:
        raise ValueError(f"{name} must be {expected}")


def from_environment(environment: dict[str, str]) -> Options:
    """Reads ROTATION_RETRY, ROTATION_RETRIES and so on: the name of each option in capitals."""
    found: dict[str, object] = {}
    for field in dataclasses.fields(Options):
        text = environment.get(f"ROTATION_{field.name.upper()}")
        if not text:
            continue
        if isinstance(field.default, bool):
            found[field.name] = text == "true"
        elif isinstance(field.default, int):
            found[field.name] = int(text)
        elif isinstance(field.default, tuple):
            found[field.name] = tuple(text.split(","))
        else:
            found[field.name] = text
    return Options(**found)


_default = from_environment(dict(os.environ))
_by_secret: dict[str, Options] = {}


def forget() -> None:
    """Drops the options that were set at run time, also those of single secrets."""
    global _default
    _default = from_environment(dict(os.environ))
    _by_secret.clear()


def of(secret_arn: str) -> Options:
    return _by_secret.get(secret_arn, _default)


def change(changes: dict, secret_arn: str | None) -> Options:
    """Sets the options in `changes`, for one secret or for all secrets without their own options."""
    global _default
    changes = {name: tuple(value) if isinstance(value, list) else value for name, value in changes.items()}
    unknown = set(changes) - {field.name for field in dataclasses.fields(Options)}
    if unknown:
        raise ValueError(f"unknown option {', '.join(sorted(unknown))}")
    if secret_arn:
        _by_secret[secret_arn] = dataclasses.replace(of(secret_arn), **changes)
        return _by_secret[secret_arn]
    _default = dataclasses.replace(_default, **changes)
    return _default
