"""Who made a call, as CloudTrail reports it: `userIdentity` and where the call came from.

AWS: "CloudTrail userIdentity element". A session of a role names the role in
`sessionContext.sessionIssuer`. All callers of the testbed are on the loopback address, so the options
`call_address` and `call_endpoint` of a secret say where its calls come from.
"""

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id
from ministack.core.router import extract_access_key_id
from ministack.services import iam

from .rotation_options import Options

SERVICE = "cloudformation.amazonaws.com"


def _root() -> dict:
    account = get_account_id()
    arn = f"arn:aws:iam::{account}:root"
    return {"type": "Root", "principalId": account, "arn": arn, "accountId": account}


def of_cloudformation() -> dict:
    """The fields of a call that CloudFormation makes for the account's root."""
    identity = {**_root(), "invokedBy": SERVICE}
    return {"userIdentity": identity, "sourceIPAddress": SERVICE, "userAgent": SERVICE}


def of_request(scope: dict, options: Options) -> dict:
    """The fields of a call over HTTP, in the account of the request."""
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
    access_key = extract_access_key_id(headers, {}) or ""
    fields = {
        "userIdentity": _identity(access_key),
        "sourceIPAddress": options.call_address or (scope.get("client") or ("127.0.0.1",))[0],
        "userAgent": headers.get("user-agent", ""),
    }
    if options.call_endpoint:
        fields["vpcEndpointId"] = options.call_endpoint
    return fields


def _identity(access_key: str) -> dict:
    account = get_account_id()
    principal = iam_evaluator.resolve_principal(access_key, account)
    kind = getattr(principal, "type", "Root")
    if kind == "Root":
        return _root()
    identity = {
        "type": {"User": "IAMUser"}.get(kind, kind),
        "principalId": access_key,
        "arn": principal.arn,
        "accountId": principal.account,
        "accessKeyId": access_key,
    }
    if kind == "User":
        return {**identity, "userName": principal.arn.rpartition("/")[2]}
    if kind != "AssumedRole":
        return identity
    name = iam_evaluator._role_name_from_assumed_arn(principal.arn)
    role = iam._roles.get_scoped(principal.account, None, name) or {}
    issuer = {
        "type": "Role",
        "principalId": role.get("RoleId", ""),
        "arn": role.get("Arn", f"arn:aws:iam::{principal.account}:role/{name}"),
        "accountId": principal.account,
        "userName": name,
    }
    return {**identity, "sessionContext": {"sessionIssuer": issuer, "attributes": {}}}
