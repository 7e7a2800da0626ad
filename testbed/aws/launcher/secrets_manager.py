"""Secrets Manager's values and staging labels, as its API reference describes them (rows V and L)."""

import re
import time

from ministack.core.responses import json_response, new_uuid
from ministack.services import secretsmanager as sm

from . import rotation_options, service_events
from .common import Response, locked, refuse
from .versions import attach, find, has_value, holder_of, in_milliseconds, value_of

ROTATION_TOKEN = re.compile(r"[a-zA-Z0-9-]{36,256}")


def install() -> None:
    sm._resolve = _by_name_first(sm._resolve)
    sm._create_secret = locked(create_secret)
    sm._put_secret_value = locked(put_secret_value)
    sm._update_secret = locked(update_secret)
    sm._get_secret_value = locked(_refuse_what_aws_refuses(sm._get_secret_value))
    sm._update_secret_version_stage = locked(update_secret_version_stage)


def _by_name_first(original):
    """Finds a complete ARN by the name in it.

    MiniStack compares the ARNs of all secrets, several times in a call.
    """

    def resolve(secret_id, *, use_arn_scope=False):
        name = (secret_id or "").partition(":secret:")[2][:-7]
        secret = sm._secrets.get(name)
        if secret and secret["ARN"] == secret_id:
            return name, secret
        return original(secret_id, use_arn_scope=use_arn_scope)

    return resolve


def create_secret(data: dict) -> Response:
    """CreateSecret: the token is the id of the first version. Without a value, no version is created."""
    name, token, value = data.get("Name"), data.get("ClientRequestToken"), value_of(data)
    existing = sm._secrets.get(name)
    if not name:
        return refuse("InvalidParameterException", "Name is required.")
    if existing and not existing.get("DeletedDate"):
        version = existing["Versions"].get(token)
        if version and value_of(version) == value:
            return json_response({"ARN": existing["ARN"], "Name": name, "VersionId": token})
    taken = taken_name(name)
    if taken:
        return refuse(*taken)
    arn, first = sm._store_new_secret(
        name,
        secret_string=value[0],
        secret_binary=value[1],
        description=data.get("Description", ""),
        tags=data.get("Tags"),
        kms_key_id=data.get("KmsKeyId"),
    )
    versions = sm._secrets[name]["Versions"]
    version = versions.pop(first)
    answer = {"ARN": arn, "Name": name}
    if has_value(version):
        answer["VersionId"] = token or first
        versions[answer["VersionId"]] = {**version, "CreatedDate": in_milliseconds()}
        # The ARN is not known before the call, so the option is set for the name.
        if rotation_options.of(name).created_event:
            sm._emit_secret_label_updated(sm._secrets[name], "AWSCURRENT", answer["VersionId"])
    return json_response(answer)


def taken_name(name: str | None) -> tuple[str, str] | None:
    """Why no secret with this name can be created: the code and the message of CreateSecret."""
    existing = sm._secrets.get(name) if name else None
    if not existing:
        return None
    if existing.get("DeletedDate"):
        return (
            "InvalidRequestException",
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
        )
    return "ResourceExistsException", f"The operation failed because the secret {name} already exists."


def put_secret_value(data: dict) -> Response:
    secret, error = find(data)
    if error:
        return error
    if sm._is_replica(secret):
        return sm._replica_mutation_error()
    if sum(part is not None for part in value_of(data)) != 1:
        return refuse("InvalidRequestException", "You must provide either SecretString or SecretBinary.")
    if not ROTATION_TOKEN.fullmatch(data.get("RotationToken", new_uuid())):
        return refuse(
            "InvalidParameterException", "RotationToken must be 36 to 256 letters, digits and hyphens."
        )
    token = data.get("ClientRequestToken") or new_uuid()
    version = secret["Versions"].get(token)
    if has_value(version):
        if value_of(version) != value_of(data):
            return refuse(
                "ResourceExistsException",
                f"You can't use ClientRequestToken {token} because that value is already in use "
                f"for a version of secret {secret['ARN']}.",
            )
        return _put_answer(secret, token)
    labels = data.get("VersionStages") or ["AWSCURRENT"]
    first_version = not secret["Versions"]
    _store(secret, token, data)
    for label in labels if "AWSCURRENT" in labels or not first_version else [*labels, "AWSCURRENT"]:
        attach(secret, token, label)
    if "AWSCURRENT" in labels:
        after_manual_value(secret, token)
    sm._sync_replicas(secret)
    return _put_answer(secret, token)


def after_manual_value(secret: dict, version_id: str) -> None:
    """Abandons the rotation in progress. The value counts as a rotation for NextRotationDate."""
    secret["_ValueDate"] = int(time.time())
    pending = holder_of(secret, "AWSPENDING")
    if pending and pending != version_id:
        sm._remove_stage(secret, pending, "AWSPENDING")
        service_events.put("RotationAbandoned", secret["ARN"])


def update_secret(data: dict) -> Response:
    secret, error = find(data)
    if error:
        return error
    if sm._is_replica(secret):
        return sm._replica_mutation_error()
    answer = {"ARN": secret["ARN"], "Name": secret["Name"]}
    if value_of(data) != (None, None):
        status, headers, body = put_secret_value(
            {**data, "VersionStages": ["AWSCURRENT"]},
        )
        if status >= 400:
            return status, headers, body
        answer["VersionId"] = data.get("ClientRequestToken") or holder_of(secret, "AWSCURRENT")
    for key in ("Description", "KmsKeyId"):
        if key in data:
            secret[key] = data[key]
    secret["LastChangedDate"] = int(time.time())
    sm._sync_replicas(secret)
    return json_response(answer)


def update_secret_version_stage(data: dict) -> Response:
    secret, error = find(data)
    if error:
        return error
    if sm._is_replica(secret):
        return sm._replica_mutation_error()
    label, target, source = (
        data.get("VersionStage"),
        data.get("MoveToVersionId"),
        data.get("RemoveFromVersionId"),
    )
    problem = _stage_problem(secret, label, target, source)
    if problem:
        return problem
    if target:
        attach(secret, target, label)
    else:
        sm._remove_stage(secret, source, label)
    secret["LastChangedDate"] = int(time.time())
    sm._sync_replicas(secret)
    return json_response({"ARN": secret["ARN"], "Name": secret["Name"]})


def _stage_problem(
    secret: dict, label: str | None, target: str | None, source: str | None
) -> Response | None:
    if not label or not (target or source):
        return refuse(
            "InvalidParameterException", "Specify VersionStage and MoveToVersionId or RemoveFromVersionId."
        )
    for version_id in (target, source):
        if version_id and version_id not in secret["Versions"]:
            message = f"Secrets Manager can't find the specified secret version: {version_id}."
            return refuse("ResourceNotFoundException", message)
    holder = holder_of(secret, label)
    if source and source != holder:
        message = f"The staging label {label} isn't attached to version {source}."
        return refuse("InvalidParameterException", message)
    if target and holder and target != holder and not source:
        message = (
            f"The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently attached "
            f"to version {holder}, so you must explicitly reference that version in RemoveFromVersionId."
        )
        return refuse("InvalidParameterException", message)
    if label == "AWSCURRENT" and not target:
        message = (
            "You can only move staging label AWSCURRENT to a different secret version. It can't be removed."
        )
        return refuse("InvalidParameterException", message)
    return None


def _refuse_what_aws_refuses(original):
    def get_secret_value(data: dict) -> Response:
        secret, error = find(data)
        if error:
            return error
        version_id, label = data.get("VersionId"), data.get("VersionStage")
        version = secret["Versions"].get(version_id or holder_of(secret, label or "AWSCURRENT"))
        if version and version_id and label and label not in version["Stages"]:
            message = "You provided a VersionStage that is not associated to the provided VersionId."
            return refuse("InvalidRequestException", message)
        if not has_value(version):
            asked = f"VersionId: {version_id}" if version_id else f"staging label: {label or 'AWSCURRENT'}"
            message = f"Secrets Manager can't find the specified secret value for {asked}"
            return refuse("ResourceNotFoundException", message)
        return original(data)

    return get_secret_value


def _store(secret: dict, token: str, data: dict) -> None:
    string, binary = value_of(data)
    labels = (secret["Versions"].get(token) or {}).get("Stages", [])
    secret["Versions"][token] = {
        "SecretString": string,
        "SecretBinary": binary,
        "CreatedDate": in_milliseconds(),
        "Stages": labels,
    }
    secret["LastChangedDate"] = int(time.time())


def _put_answer(secret: dict, token: str) -> Response:
    labels = list(secret["Versions"][token]["Stages"])
    return json_response(
        {"ARN": secret["ARN"], "Name": secret["Name"], "VersionId": token, "VersionStages": labels}
    )
