"""Finds the access entry of an IAM principal in an EKS cluster, for the testbed's token webhook (row E3)."""

from ministack.core.arn import parse_arn
from ministack.services import eks, iam


def find(arguments: dict) -> dict:
    """Returns the access entry of `principal` in `cluster`, with EKS' defaults, or null if there is none.

    The webhook derives a role from a session's ARN, which lacks the role's path. The entry contains the path.
    """
    principal = _with_path(arguments["principal"])
    entry = eks._access_entries.get(eks._ae_key(arguments["cluster"], principal))
    if not entry:
        return {"accessEntry": None}
    username = entry.get("username") or _default_username(principal)
    return {"accessEntry": {"username": username, "kubernetesGroups": entry.get("kubernetesGroups") or []}}


def _with_path(principal: str) -> str:
    spec = parse_arn(principal)
    kind, _, name = spec.resource.partition("/")
    role = iam._roles.get_scoped(spec.account_id, None, name) if kind == "role" else None
    return role["Arn"] if role else principal


def _default_username(principal: str) -> str:
    """AWS: "Create access entries", username: a role's is its session's ARN, a user's is its own ARN."""
    spec = parse_arn(principal)
    kind, _, name = spec.resource.partition("/")
    if kind != "role":
        return principal
    role = name.rsplit("/", 1)[-1]
    return f"arn:{spec.partition}:sts::{spec.account_id}:assumed-role/{role}/{{{{SessionName}}}}"
