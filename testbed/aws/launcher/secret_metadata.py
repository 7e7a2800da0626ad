"""Completes DescribeSecret, ListSecrets and ListSecretVersionIds of MiniStack (rows D)."""

import json
from itertools import chain

from ministack.core.responses import json_response
from ministack.services import secretsmanager as sm

from . import schedule
from .common import Response, locked

DEPRECATED = "IncludeDeprecated"


def install() -> None:
    sm._describe_secret = locked(_with_rotation_dates(sm._describe_secret))
    sm._list_secrets = locked(_list_with_rotation_dates(sm._list_secrets))
    sm._list_secret_version_ids = locked(_without_deprecated(sm._list_secret_version_ids))
    sm._filter_secret_names = filter_names


def rotation_dates(secret: dict) -> dict:
    """Both dates are absent if rotation is off. A value put by hand counts for NextRotationDate."""
    found: dict = {}
    if secret.get("RotationLambdaARN"):
        found["RotationLambdaARN"] = secret["RotationLambdaARN"]
    if secret.get("RotationRules"):
        found["RotationRules"] = secret["RotationRules"]
    if not secret.get("RotationEnabled"):
        return found
    if secret.get("LastRotatedDate"):
        found["LastRotatedDate"] = secret["LastRotatedDate"]
    last = max(secret.get(key) or 0 for key in ("LastRotatedDate", "_ValueDate", "CreatedDate"))
    due = schedule.next_date(secret.get("RotationRules") or {}, last)
    if due:
        found["NextRotationDate"] = due
    return found


def _with_rotation_dates(original):
    def describe_secret(data: dict) -> Response:
        status, headers, body = original(data)
        if status >= 400:
            return status, headers, body
        _, secret = sm._resolve(data["SecretId"])
        return json_response({**json.loads(body), **rotation_dates(secret)})

    return describe_secret


def _list_with_rotation_dates(original):
    def list_secrets(data: dict) -> Response:
        status, headers, body = original(data)
        if status >= 400:
            return status, headers, body
        answer = json.loads(body)
        for entry in answer["SecretList"]:
            entry.update(rotation_dates(sm._secrets[entry["Name"]]))
        return json_response(answer)

    return list_secrets


def _without_deprecated(original):
    """A version without a staging label is deprecated. It is listed only on request."""

    def list_secret_version_ids(data: dict) -> Response:
        status, headers, body = original(data)
        if status >= 400 or data.get(DEPRECATED):
            return status, headers, body
        answer = json.loads(body)
        answer["Versions"] = [version for version in answer["Versions"] if version["VersionStages"]]
        return json_response(answer)

    return list_secret_version_ids


def filter_names(names: list[str], filters: list[dict]) -> list[str]:
    """The API reference's `Filter`: prefixes, case-sensitive except for `description`; `!` negates."""
    for condition in filters:
        key, values = condition.get("Key", ""), condition.get("Values", [])
        names = [name for name in names if _passes(sm._secrets[name], key, values)]
    return names


def _passes(secret: dict, key: str, values: list[str]) -> bool:
    def found(prefix: str) -> bool:
        if key == "description":
            return any(text.lower().startswith(prefix.lower()) for text in _texts(secret, key))
        if key == "all":
            everything = " ".join(_texts(secret, key)).lower()
            return all(word in everything for word in prefix.lower().split())
        return any(text.startswith(prefix) for text in _texts(secret, key))

    wanted = [value for value in values if not value.startswith("!")]
    unwanted = [value[1:] for value in values if value.startswith("!")]
    return (not wanted or any(map(found, wanted))) and not any(map(found, unwanted))


def _texts(secret: dict, key: str) -> list[str]:
    tags = secret.get("Tags") or []
    texts = {
        "name": [secret["Name"]],
        "description": [secret.get("Description") or ""],
        "tag-key": [tag["Key"] for tag in tags],
        "tag-value": [tag["Value"] for tag in tags],
        "primary-region": [secret.get("_PrimaryRegion") or ""],
        "owning-service": [],
    }
    return list(chain.from_iterable(texts.values())) if key == "all" else texts.get(key, [])
