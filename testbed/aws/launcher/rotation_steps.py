"""Runs one attempt: its steps are synchronous invocations of the rotation function."""

import threading

from ministack.core.responses import new_uuid
from ministack.services import lambda_svc

from . import rotation_options
from .authorisation import may_be_invoked_by_secrets_manager
from .common import in_background, lock
from .rotation_record import Attempt, Rotation, Step
from .versions import holder_of


def play(secret: dict, rotation: Rotation, attempt: Attempt, steps: tuple[str, ...]) -> str:
    """Runs the steps until one fails. Returns the outcome of the attempt."""
    duplicated = rotation_options.of(secret["ARN"]).duplicate_steps
    for name in steps:
        stop = _reason_to_stop(secret, rotation, attempt)
        if stop:
            return stop
        duplicate = _start_duplicate(secret, attempt, name) if name in duplicated else None
        step = Step(name)
        attempt.steps.append(step)
        invoke(secret, attempt.version_id, step)
        if duplicate:
            duplicate.join()
        if step.outcome == "failed":
            return "failed"
    return _outcome(secret, rotation, attempt, steps)


def play_late(secret: dict, rotation: Rotation) -> None:
    """Runs the step that failed first again, after everything else, like a write that arrives late."""
    for attempt in rotation.attempts:
        failed = attempt.regular("failed")
        if failed:
            late = Step(failed[0].step, kind="late")
            attempt.steps.append(late)
            invoke(secret, attempt.version_id, late)
            return


def invoke(secret: dict, version_id: str, step: Step) -> None:
    """Invokes the function synchronously: no retry by Lambda, no dead-letter queue, no destination."""
    event = {"Step": step.step, "SecretId": secret["ARN"], "ClientRequestToken": version_id}
    if rotation_options.of(secret["ARN"]).rotation_token:
        event["RotationToken"] = new_uuid()
    function = secret["RotationLambdaARN"]
    if not may_be_invoked_by_secrets_manager(function, secret["ARN"]):
        step.fail("AccessDeniedException", "the function's policy does not let Secrets Manager invoke it")
        return
    record, config, _ = lambda_svc._get_func_record_for_ref(function)
    execution = lambda_svc._execution_record_for_config(record, config)
    result = lambda_svc._execute_function_with_config_scope(execution, event)
    if not (result.get("error") or result.get("throttle")):
        step.outcome = "succeeded"
        return
    body = result.get("body")
    body = body if isinstance(body, dict) else {"errorMessage": str(body)}
    step.fail(body.get("errorType") or "Unhandled", body.get("errorMessage") or body.get("message") or "")


def _start_duplicate(secret: dict, attempt: Attempt, name: str) -> threading.Thread:
    duplicate = Step(name, kind="duplicate")
    attempt.steps.append(duplicate)
    return in_background(invoke, secret, attempt.version_id, duplicate)


def _reason_to_stop(secret: dict, rotation: Rotation, attempt: Attempt) -> str | None:
    if rotation.cancelled:
        return "cancelled"
    with lock:
        labels = (secret["Versions"].get(attempt.version_id) or {}).get("Stages", [])
    return None if {"AWSPENDING", "AWSCURRENT"} & set(labels) else "abandoned"


def _outcome(secret: dict, rotation: Rotation, attempt: Attempt, steps: tuple[str, ...]) -> str:
    if rotation.test_only:
        return "succeeded"
    if rotation.cancelled:
        return "cancelled"
    with lock:
        if holder_of(secret, "AWSCURRENT") == attempt.version_id:
            return "succeeded"
    return "failed" if steps == rotation_options.STEPS else "interrupted"
