"""The versions of a secret: their values, and how labels are attached to them and move."""

import time

from ministack.services import secretsmanager as sm

from . import rotation_options
from .common import Response, refuse

NOT_FOUND = "Secrets Manager can't find the specified secret."
DELETED = "You can't perform this operation on the secret because it was marked for deletion."


def find(data: dict) -> tuple[dict, None] | tuple[None, Response]:
    _, secret = sm._resolve(data.get("SecretId"))
    if not secret:
        return None, refuse("ResourceNotFoundException", NOT_FOUND)
    if secret.get("DeletedDate"):
        return None, refuse("InvalidRequestException", DELETED)
    return secret, None


def in_milliseconds() -> float:
    """The time for CreatedDate (seconds), so that versions of the same second have an order."""
    return round(time.time(), 3)


def value_of(source: dict) -> tuple[str | None, str | None]:
    return source.get("SecretString"), source.get("SecretBinary")


def has_value(version: dict | None) -> bool:
    return version is not None and value_of(version) != (None, None)


def holder_of(secret: dict, label: str) -> str | None:
    return sm._find_stage_version(secret, label)[0]


def attach(secret: dict, version_id: str, label: str) -> None:
    """Moves `label` to the version. If the label is AWSCURRENT, AWSPREVIOUS moves too."""
    was_current = holder_of(secret, "AWSCURRENT")
    sm._remove_stage_everywhere(secret, label, except_version_id=version_id)
    if label in secret["Versions"][version_id]["Stages"]:
        return
    sm._add_stage(secret, version_id, label)
    if label == "AWSCURRENT":
        if was_current:
            sm._remove_stage_everywhere(secret, "AWSPREVIOUS")
            sm._add_stage(secret, was_current, "AWSPREVIOUS")
        sm._remove_stage(secret, version_id, "AWSPREVIOUS")
        if rotation_options.of(secret["ARN"]).pending_after_promotion == "removed":
            sm._remove_stage(secret, version_id, "AWSPENDING")
    if label not in ("AWSPENDING", "AWSPREVIOUS"):
        sm._emit_secret_label_updated(secret, label, version_id)
