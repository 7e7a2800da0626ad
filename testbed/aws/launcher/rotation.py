"""RotateSecret and CancelRotateSecret: invokes the four steps synchronously, one by one (rows R, T, C).

The options in `rotation_options` decide the behaviour that AWS does not publish.
"""

import time

from ministack.core.responses import json_response, new_uuid
from ministack.services import secretsmanager as sm

from . import rotation_options, rotation_record, schedule, service_events
from .authorisation import may_be_invoked_by_secrets_manager
from .common import Response, in_background, lock, locked, refuse
from .rotation_record import Attempt, Rotation
from .rotation_steps import play, play_late
from .versions import attach, find, holder_of, in_milliseconds

NO_FUNCTION = (
    "You tried to enable rotation on a secret that doesn't already have a Lambda function ARN configured "
    "and you didn't include such an ARN as a parameter in this call."
)
NOT_ALLOWED = (
    "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants "
    "access to the principal secretsmanager.amazonaws.com."
)
UNFINISHED = "A previous rotation isn't complete. That rotation will be reattempted."


def install() -> None:
    sm._rotate_secret = locked(rotate_secret)
    original = sm.handle_request

    async def handle_request(method, path, headers, body, query_params):
        if headers.get("x-amz-target", "").endswith(".CancelRotateSecret"):
            return locked(cancel_rotate_secret)(sm.json.loads(body or b"{}"))
        return await original(method, path, headers, body, query_params)

    sm.handle_request = handle_request


def rotate_secret(data: dict) -> Response:
    secret, error = find(data)
    if error:
        return error
    if sm._is_replica(secret):
        return sm._replica_mutation_error()
    function, token = (
        data.get("RotationLambdaARN") or secret.get("RotationLambdaARN"),
        data.get("ClientRequestToken"),
    )
    problem = _problem(secret, function, token, data.get("RotationRules"))
    if problem:
        return problem
    token = token or new_uuid()
    answer = {"ARN": secret["ARN"], "Name": secret["Name"]}
    under_way = rotation_record.running(secret["ARN"])
    if token == holder_of(secret, "AWSCURRENT") or (under_way and under_way.version_id == token):
        return json_response({**answer, "VersionId": token})
    first_time = not secret.get("RotationEnabled")
    secret["RotationLambdaARN"], secret["RotationEnabled"] = function, True
    if data.get("RotationRules"):
        secret["RotationRules"] = data["RotationRules"]
    if data.get("RotateImmediately") is False:
        if first_time:
            secret["RotationEnabled"] = rotation_options.of(secret["ARN"]).enabled_during_test
        rotation = rotation_record.start(secret["ARN"], token, test_only=True)
        in_background(_test, secret, rotation)
        return json_response(answer)
    rotation = rotation_record.start(secret["ARN"], token, test_only=False)
    _stage(secret, token)
    service_events.put("RotationStarted", secret["ARN"])
    in_background(_rotate, secret, rotation, token)
    return json_response({**answer, "VersionId": token})


def cancel_rotate_secret(data: dict) -> Response:
    """Turns rotation off and stops before the next step. Labels do not move, as AWS documents."""
    secret, error = find(data)
    if error:
        return error
    if not secret.get("RotationLambdaARN"):
        return refuse("InvalidRequestException", NO_FUNCTION)
    secret["RotationEnabled"] = False
    under_way = rotation_record.running(secret["ARN"])
    if under_way:
        under_way.cancelled = True
    answer = {"ARN": secret["ARN"], "Name": secret["Name"]}
    pending = holder_of(secret, "AWSPENDING")
    return json_response({**answer, "VersionId": pending} if pending else answer)


def resume(secret_arn: str, new_token: bool) -> Rotation:
    """Starts another attempt of the last rotation, as a retry by Secrets Manager does."""
    with lock:
        _, secret = sm._resolve(secret_arn)
        rotation = rotation_record.last(secret_arn)
        if not secret or not rotation or rotation.test_only or rotation.outcome == "running":
            raise ValueError("there is no rotation of that secret that could be resumed")
        token = new_uuid() if new_token else rotation.attempts[-1].version_id
        rotation.end("running")
        _stage(secret, token)
        in_background(_rotate, secret, rotation, token)
        return rotation


def _problem(secret: dict, function: str | None, token: str | None, rules: dict | None) -> Response | None:
    if not function:
        return refuse("InvalidRequestException", NO_FUNCTION)
    if token is not None and not 32 <= len(token) <= 64:
        return refuse("InvalidParameterException", "ClientRequestToken must be 32 to 64 characters long.")
    wrong_rules = schedule.problem_of(rules)
    if wrong_rules:
        return refuse("InvalidParameterException", wrong_rules)
    if not may_be_invoked_by_secrets_manager(function, secret["ARN"]):
        return refuse("AccessDeniedException", NOT_ALLOWED)
    pending = holder_of(secret, "AWSPENDING")
    if pending and pending not in (holder_of(secret, "AWSCURRENT"), token):
        return refuse("InvalidRequestException", UNFINISHED)
    return None


def _stage(secret: dict, token: str) -> None:
    """Attaches AWSPENDING to the token's version, which has no value, before createSecret."""
    empty = {"SecretString": None, "SecretBinary": None, "CreatedDate": in_milliseconds(), "Stages": []}
    secret["Versions"].setdefault(token, empty)
    attach(secret, token, "AWSPENDING")


def _test(secret: dict, rotation: Rotation) -> None:
    """`RotateImmediately=false`: runs only testSecret, on a version without a value, then removes it."""
    with lock:
        _stage(secret, rotation.version_id)
    service_events.put("TestRotationStarted", secret["ARN"])
    attempt = Attempt(rotation.version_id)
    rotation.attempts.append(attempt)
    outcome = play(secret, rotation, attempt, ("testSecret",))
    with lock:
        secret["Versions"].pop(rotation.version_id, None)
        if not rotation.cancelled:
            secret["RotationEnabled"] = True
    if outcome == "succeeded":
        service_events.put("TestRotationSucceeded", secret["ARN"])
    else:
        service_events.put("TestRotationFailed", secret["ARN"], _error_of(secret, attempt))
    rotation.end(outcome)


def _error_of(secret: dict, attempt: Attempt) -> str | None:
    """Returns the error as captured. If no step failed, there is none (unpublished)."""
    failed = attempt.regular("failed")
    if not failed:
        return None
    return f"Error when executing lambda {secret['RotationLambdaARN']} during {failed[0].step} step"


def _rotate(secret: dict, rotation: Rotation, token: str) -> None:
    options = rotation_options.of(secret["ARN"])
    steps = rotation_options.STEPS[: options.steps]
    for number in range(1 + (0 if options.retry == "none" else options.retries)):
        if number:
            time.sleep(options.retry_delay_ms / 1000)
            token = new_uuid() if options.retry == "new-token" else token
            with lock:
                if rotation.cancelled or holder_of(secret, "AWSPENDING") != rotation.attempts[-1].version_id:
                    break
                _stage(secret, token)
        attempt = Attempt(token)
        rotation.attempts.append(attempt)
        outcome = play(secret, rotation, attempt, steps)
        if outcome == "succeeded":
            secret["LastRotatedDate"] = int(time.time())
            service_events.put("RotationSucceeded", secret["ARN"])
        if outcome != "failed":
            break
        service_events.put("RotationFailed", secret["ARN"], _error_of(secret, attempt))
    if options.late_step:
        play_late(secret, rotation)
    sm._sync_replicas(secret)
    rotation.end(outcome)
