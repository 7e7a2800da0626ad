"""Tokens of service accounts for row I6, signed by an issuer of the test's own.

Reads JSON from standard input: `issuer`, and `tokens`, each with its `claims` and whether it is `forged`
(signed with another key). Prints the issuer's `keys` (JWKS) and the `tokens`.
"""

import base64
import json
import sys
import time

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

KEY_ID = "the-only-key"


def main() -> None:
    wanted = json.load(sys.stdin)
    key, other = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
    numbers = key.public_key().public_numbers()
    public = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": KEY_ID}
    public |= {"n": encoded(numbers.n.to_bytes(256)), "e": encoded(numbers.e.to_bytes(3))}
    now = int(time.time())
    tokens = []
    for token in wanted["tokens"]:
        claims = {"iss": wanted["issuer"], "iat": now, "nbf": now, "exp": now + 600} | token["claims"]
        tokens.append(signed(claims, other if token["forged"] else key))
    print(json.dumps({"keys": {"keys": [public]}, "tokens": tokens}))


def signed(claims: dict, key: rsa.RSAPrivateKey) -> str:
    header = {"alg": "RS256", "kid": KEY_ID}
    text = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    return f"{text}.{encoded(key.sign(text.encode(), padding.PKCS1v15(), SHA256()))}"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


main()
