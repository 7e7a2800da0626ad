"""Records what each rotation did. A test waits for the end and reads it (`GET /_testbed/rotation`)."""

import collections
import dataclasses
import threading

from . import rotation_options

# The records of unsuccessful rotations that one answer returns at most.
SHOWN = 20

changed = threading.Condition()
_of_secret: dict[str, list["Rotation"]] = {}


@dataclasses.dataclass
class Step:
    """One invocation. `outcome`: running, succeeded or failed. The error is as the function reported it."""

    step: str
    outcome: str = "running"
    error_type: str | None = None
    error_message: str | None = None
    kind: str = "regular"

    def as_json(self) -> dict:
        return {
            "step": self.step,
            "outcome": self.outcome,
            "kind": self.kind,
            "errorType": self.error_type,
            "errorMessage": self.error_message,
        }

    def fail(self, error_type: str, message: str) -> None:
        self.outcome, self.error_type, self.error_message = "failed", error_type, message


@dataclasses.dataclass
class Attempt:
    version_id: str
    steps: list[Step] = dataclasses.field(default_factory=list)

    def regular(self, outcome: str) -> list[Step]:
        return [step for step in self.steps if step.kind == "regular" and step.outcome == outcome]


@dataclasses.dataclass
class Rotation:
    """`outcome`: running, succeeded, failed, interrupted, abandoned or cancelled."""

    secret_arn: str
    version_id: str
    test_only: bool
    outcome: str = "running"
    cancelled: bool = False
    attempts: list[Attempt] = dataclasses.field(default_factory=list)

    def end(self, outcome: str) -> None:
        with changed:
            self.outcome = outcome
            changed.notify_all()

    def as_json(self) -> dict:
        return {
            "secretArn": self.secret_arn,
            "versionId": self.version_id,
            "testOnly": self.test_only,
            "outcome": self.outcome,
            "attempts": [
                {"versionId": attempt.version_id, "steps": [step.as_json() for step in attempt.steps]}
                for attempt in self.attempts
            ],
        }


def start(secret_arn: str, version_id: str, test_only: bool) -> Rotation:
    rotation = Rotation(secret_arn, version_id, test_only)
    with changed:
        _of_secret.setdefault(secret_arn, []).append(rotation)
        changed.notify_all()
    return rotation


def last(secret_arn: str, version_id: str | None = None) -> Rotation | None:
    """Returns the newest rotation of a secret, or the newest with an attempt for this version."""
    for rotation in reversed(_of_secret.get(secret_arn, [])):
        versions = {rotation.version_id, *(attempt.version_id for attempt in rotation.attempts)}
        if version_id is None or version_id in versions:
            return rotation
    return None


def running(secret_arn: str) -> Rotation | None:
    return next((r for r in reversed(_of_secret.get(secret_arn, [])) if r.outcome == "running"), None)


def wait_for_the_end(secret_arn: str, version_id: str | None, limit_seconds: float) -> Rotation | None:
    """Waits until that rotation exists and has ended. At the limit, returns it as it is."""

    def over() -> bool:
        rotation = last(secret_arn, version_id)
        return rotation is not None and rotation.outcome != "running"

    with changed:
        changed.wait_for(over, timeout=limit_seconds)
        return last(secret_arn, version_id)


def outcomes(prefix: str) -> dict:
    """Counts the outcomes of the last rotations of the secrets whose ARN begins with `prefix`.

    Also returns the records of some that ended without success, for the analysis.
    """
    with changed:
        found = [rotations[-1] for arn, rotations in _of_secret.items() if arn.startswith(prefix)]
    bad = [rotation for rotation in found if rotation.outcome not in ("running", "succeeded")]
    return {
        "outcomes": dict(collections.Counter(rotation.outcome for rotation in found)),
        "unsuccessful": [rotation.as_json() for rotation in bad[:SHOWN]],
    }


def forget() -> None:
    with changed:
        _of_secret.clear()
        rotation_options.forget()
