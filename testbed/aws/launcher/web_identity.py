"""AssumeRoleWithWebIdentity verifies the token before it evaluates the role's trust policy (row I6).

MiniStack accepts every claim of a token. STS accepts a token only if IAM has an identity provider for its
issuer, and verifies the signature, the audience and the time. The launcher does not fetch the issuer's keys:
the testbed sends them with `POST /_testbed/cluster/issuer`.
"""

import base64
import json
import time
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from ministack.core.responses import get_account_id
from ministack.services import eks, iam, sts

AUDIENCE = "sts.amazonaws.com"

# Public keys by issuer, then by key id.
_keys: dict[str, dict[str, rsa.RSAPublicKey]] = {}


def install() -> None:
    original = sts.handle_request

    async def handle_request(method, path, headers, body, query_params):
        from ministack.app import AUTH

        parameters = {**query_params, **parse_qs((body or b"").decode(errors="replace"))}
        action = (parameters.get("Action") or [""])[0]
        if AUTH and action == "AssumeRoleWithWebIdentity":
            problem = _problem((parameters.get("WebIdentityToken") or [""])[0])
            if problem:
                return sts._error(400, *problem, ns="sts")
        return await original(method, path, headers, body, query_params)

    sts.handle_request = handle_request
    sts._web_identity_principal = _with_one_audience(sts._web_identity_principal)


def put_issuer(wanted: dict) -> dict:
    """For the control endpoint: sets the issuer of a cluster and its keys, and creates its IAM provider."""
    issuer = wanted["issuer"]
    cluster = eks._clusters[wanted["name"]]
    cluster.setdefault("identity", {})["oidc"] = {"issuer": issuer}
    _keys[issuer] = {key["kid"]: _public_key(key) for key in wanted["keys"]["keys"]}
    if _provider(issuer) is None:
        request = {"Url": [issuer], "ClientIDList.member.1": [AUDIENCE]}
        status, _, body = iam._create_oidc_provider(request)
        if status >= 300:
            raise ValueError(str(body))
    return {"issuer": issuer}


def _problem(token: str) -> tuple[str, str] | None:
    """Returns the code and message with which STS refuses the token, or nothing if it is valid."""
    try:
        head, payload, signature = token.split(".")
        header, claims = json.loads(_decoded(head)), json.loads(_decoded(payload))
        issuer, audiences = claims["iss"], claims["aud"]
        expires, not_before = claims["exp"], claims.get("nbf", 0)
    except (ValueError, KeyError, TypeError):
        return "InvalidIdentityToken", "The ID Token provided is not a valid JWT."
    provider = _provider(issuer)
    if provider is None:
        return "InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {issuer}"
    key = _keys.get(issuer, {}).get(header.get("kid"))
    if key is None or header.get("alg") != "RS256":
        return "InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider"
    try:
        signed = f"{head}.{payload}".encode()
        key.verify(_decoded(signature), signed, padding.PKCS1v15(), SHA256())
    except InvalidSignature:
        return "InvalidIdentityToken", "Provided Token is not signed by its issuer"
    if not set([audiences] if isinstance(audiences, str) else audiences) & set(provider["ClientIDList"]):
        return "InvalidIdentityToken", "Incorrect token audience"
    if not not_before <= time.time() < expires:
        return "ExpiredTokenException", f"Token expired: current date/time {int(time.time())}"
    return None


def _with_one_audience(original):
    """Reduces the audiences of a service account's token to one: the condition key `aud` has one value."""

    def principal(token: str, provider_id: str, role_arn: str):
        arn, keys = original(token, provider_id, role_arn)
        known = (iam._oidc_providers.get(arn) or {}).get("ClientIDList", [])
        for name, value in keys.items():
            if name.endswith(":aud") and isinstance(value, list):
                keys[name] = next((each for each in value if each in known), "")
        return arn, keys

    return principal


def _provider(issuer: str) -> dict | None:
    host = issuer.removeprefix("https://")
    return iam._oidc_providers.get(f"arn:aws:iam::{get_account_id()}:oidc-provider/{host}")


def _public_key(key: dict) -> rsa.RSAPublicKey:
    exponent, modulus = (int.from_bytes(_decoded(key[part])) for part in ("e", "n"))
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
