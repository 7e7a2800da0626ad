"""Adds the IAM checks that this suite's policies need and that MiniStack does not make (rows I).

- The rotation function's policy must allow `secretsmanager.amazonaws.com` to invoke it, conditions included.
- `secretsmanager:ResourceTag/<key>` is a condition key like `aws:ResourceTag/<key>`.
- The caller of RotateSecret also needs lambda:InvokeFunction on the function.
- For a secret under a customer managed key, a read needs kms:Decrypt and a write needs kms:GenerateDataKey
  too. The call carries `kms:ViaService` and the encryption context.
- `events:source` is a condition key of PutEvents.
- `aws:PrincipalArn` of a role's session is the role's ARN, path included. It is not the session's ARN.
- A role that the trust policy of another role of its account names by its ARN may assume that role without an
  identity policy.
- Sessions are registered one at a time. Each registration iterates over all sessions. If another thread
  registered one at that time, the iteration would fail, and the invocation would fail with it.
"""

import json
import threading

from ministack.core import iam_actions, iam_evaluator
from ministack.core.arn import parse_arn
from ministack.core.iam_actions import access_denied_response
from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.core.router import extract_access_key_id
from ministack.services import iam, kms, lambda_svc, sts, tagging
from ministack.services import secretsmanager as sm

from .common import Response

SECRET_TAG = "secretsmanager:resourcetag/"
KMS_ACTIONS = {
    "GetSecretValue": ("kms:Decrypt",),
    "PutSecretValue": ("kms:GenerateDataKey", "kms:Decrypt"),
    "CreateSecret": ("kms:GenerateDataKey", "kms:Decrypt"),
}


def install() -> None:
    resolve = _with_role_arns(_with_secret_tags(iam_evaluator._resolve_condition_key))
    iam_evaluator._resolve_condition_key = resolve
    iam_actions.request_tag_context = _with_event_sources(iam_actions.request_tag_context)
    iam.trust_policy_for_arn = trust_policy_for_arn
    iam_evaluator._RESOURCE_POLICY_LOOKUPS["sts"] = ("iam", "trust_policy_for_arn")
    sts.register_session = _one_at_a_time(sts.register_session)
    original = sm.handle_request

    async def handle_request(method, path, headers, body, query_params):
        from ministack.app import AUTH

        denied = _denied(headers, body, query_params) if AUTH else None
        return denied or await original(method, path, headers, body, query_params)

    sm.handle_request = handle_request


def _one_at_a_time(original):
    lock = threading.Lock()

    def register_session(access_key: str, session: dict) -> None:
        with lock:
            original(access_key, session)

    return register_session


def trust_policy_for_arn(role_arn: str) -> tuple[dict, str] | None:
    """What the trust policy of a role allows, as a resource policy, and the role's account.

    A trust policy names no resource. MiniStack's AssumeRole itself evaluates the whole policy afterwards.
    """
    account = parse_arn(role_arn).account_id
    role = iam._roles.get_scoped(account, None, role_arn.rpartition("/")[2])
    if not role:
        return None
    document = role.get("AssumeRolePolicyDocument") or "{}"
    statements = (json.loads(document) if isinstance(document, str) else document).get("Statement", [])
    statements = [statements] if isinstance(statements, dict) else statements
    allowed = [
        {**statement, "Resource": "*"} for statement in statements if statement.get("Effect") == "Allow"
    ]
    return {"Version": "2012-10-17", "Statement": allowed}, account


def may_be_invoked_by_secrets_manager(function: str, secret_arn: str) -> bool:
    """AWS: "Automatic rotation (AWS CLI)". The condition on the account prevents a confused deputy."""
    record, config, _ = lambda_svc._get_func_record_for_ref(function)
    if not record or not config:
        return False
    service = "secretsmanager.amazonaws.com"
    return service_is_allowed(service, record.get("policy"), "lambda:InvokeFunction", function, secret_arn)


def service_is_allowed(service: str, policy: dict, action: str, resource_arn: str, source_arn: str) -> bool:
    """Whether the `policy` of the resource lets the service act for `source_arn`, of whose account it is."""
    account = parse_arn(source_arn).account_id
    context = iam_evaluator.EvalContext(
        principal_arn=service,
        principal_type="Service",
        principal_account=account,
        action=action,
        resource_arn=resource_arn,
        region=get_region(),
        service_context={"aws:sourceaccount": account, "aws:sourcearn": source_arn},
    )
    return iam_evaluator.evaluate_resource_policy(policy, context, service=service).decision == "Allow"


def _with_secret_tags(original):
    def resolve_condition_key(key: str, context: iam_evaluator.EvalContext):
        if key.lower().startswith(SECRET_TAG):
            wanted = key[len(SECRET_TAG) :].lower()
            tags = tagging.resource_tags(context.resource_arn) or {}
            return next((value for name, value in tags.items() if name.lower() == wanted), None)
        return original(key, context)

    return resolve_condition_key


def _with_role_arns(original):
    def resolve_condition_key(key: str, context: iam_evaluator.EvalContext):
        found = original(key, context)
        if key.lower() != "aws:principalarn" or context.principal_type != "AssumedRole":
            return found
        name = iam_evaluator._role_name_from_assumed_arn(context.principal_arn)
        role = iam._roles.get_scoped(context.principal_account, None, name)
        return role["Arn"] if role else found

    return resolve_condition_key


def _with_event_sources(original):
    """Adds `events:source` to the function through which MiniStack reads a request's tags."""

    def request_context(service: str, iam_action: str, body: bytes, params: dict) -> dict:
        context = original(service, iam_action, body, params)
        if iam_action == "events:PutEvents":
            entries = json.loads(body or b"{}").get("Entries") or []
            context["events:source"] = sorted({str(entry.get("Source", "")) for entry in entries})
        return context

    return request_context


def _denied(headers: dict, body: bytes, query_params: dict) -> Response | None:
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    data = json.loads(body or b"{}")
    access_key = extract_access_key_id(headers, query_params) or ""
    _, secret = sm._resolve(data.get("SecretId"))
    secret = secret or {}
    checks: list[tuple[str, str, dict]] = []
    function = data.get("RotationLambdaARN") or secret.get("RotationLambdaARN")
    if action == "RotateSecret" and function:
        checks.append(("lambda:InvokeFunction", function, {}))
    key = _key_arn(secret.get("KmsKeyId") or (data.get("KmsKeyId") if action == "CreateSecret" else None))
    if key:
        checks += [(needed, key, _encryption_context(secret)) for needed in KMS_ACTIONS.get(action, ())]
    for needed, resource, context in checks:
        denied = iam_evaluator.enforce(
            access_key,
            needed,
            needed.partition(":")[0],
            get_region(),
            resource_arn=resource,
            service_context=context,
        )
        if denied:
            principal = getattr(denied, "principal_arn", "")
            return access_denied_response("secretsmanager", needed, principal, new_uuid())
    return None


def _key_arn(key_id: str | None) -> str | None:
    if not key_id or key_id == "alias/aws/secretsmanager":
        return None
    record = kms._resolve_key(key_id)
    if record:
        return record["Arn"]
    return (
        key_id if key_id.startswith("arn:") else f"arn:aws:kms:{get_region()}:{get_account_id()}:key/{key_id}"
    )


def _encryption_context(secret: dict) -> dict:
    return {
        "kms:viaservice": f"secretsmanager.{get_region()}.amazonaws.com",
        "kms:calleraccount": get_account_id(),
        "kms:encryptioncontext:secretarn": secret.get("ARN"),
        "kms:encryptioncontextkeys": ["SecretARN", "SecretVersionId"],
    }
