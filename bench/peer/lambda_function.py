"""Rotates a RabbitMQ secret with two users that take turns, in the manner of AWS's rotation templates.

`cargo xtask bench` runs this function beside rotation-mq, so that everybody can repeat the comparison. It is
not for production. It has the structure of AWS's templates for the multi-user strategy, for example
SecretsManagerRDSPostgreSQLRotationMultiUser in
https://github.com/aws-samples/aws-secrets-manager-rotation-lambdas, and makes the same checks. Instead of
SQL, it uses the management HTTP API of RabbitMQ, and it logs in over AMQPS.

It follows Lambda's best practices: the clients are created once, before the first event, and the connections
to AWS and to the management API stay open between events. The endpoints of a broker are remembered until the
process ends.

The secret has the same value as for rotation-mq (`contract/schemas/secret-value.json`), with these keys:
- `engine`: `rabbitmq`
- `username`, `password`
- `brokerId`, or `host` with `port` (5671 if absent) and `managementUrl` (`https://<host>` if absent)
- `vhost`: `/` if absent
- `masterarn`: the ARN of the admin secret. The admin secret names the same broker.

Environment:
- `BROKER_CA_BUNDLE`: a PEM file with a private certificate authority of the broker (optional)
- `EXCLUDE_CHARACTERS`, `PASSWORD_LENGTH`: for GetRandomPassword (optional)
- the variables of boto3, for example `AWS_DEFAULT_REGION` and `AWS_ENDPOINT_URL_SECRETS_MANAGER`

Start: `python -m awslambdaric lambda_function.lambda_handler` in this folder, with the packages of
requirements.txt. The file `bootstrap` does this for a custom runtime.
"""

import functools
import json
import logging
import os
import ssl
from urllib.parse import quote

import boto3
import pika
import urllib3
from pika.exceptions import AMQPConnectionError

TIMEOUT_SECONDS = 5
USER_NAME_LIMIT = 255
CLONE_SUFFIX = "_clone"

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)
# setSecret expects that the broker refuses a login. pika logs this as an error, with a traceback.
logging.getLogger("pika").setLevel(logging.CRITICAL)

tls = ssl.create_default_context()
if os.environ.get("BROKER_CA_BUNDLE"):
    tls.load_verify_locations(os.environ["BROKER_CA_BUNDLE"])
http = urllib3.PoolManager(ssl_context=tls, timeout=TIMEOUT_SECONDS)
secrets_manager = boto3.client("secretsmanager")
amazon_mq = boto3.client("mq")


def lambda_handler(event: dict, context: object) -> None:
    """Checks the staging labels of the version and runs one step of the rotation."""
    arn, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]

    metadata = secrets_manager.describe_secret(SecretId=arn)
    if not metadata.get("RotationEnabled", True):
        raise ValueError(f"Secret {arn} is not enabled for rotation")
    versions = metadata["VersionIdsToStages"]
    if token not in versions:
        raise ValueError(f"Secret version {token} has no stage for rotation of secret {arn}")
    if "AWSCURRENT" in versions[token]:
        logger.info("Secret version %s already set as AWSCURRENT for secret %s", token, arn)
        return
    if "AWSPENDING" not in versions[token]:
        raise ValueError(f"Secret version {token} not set as AWSPENDING for rotation of secret {arn}")

    if step == "createSecret":
        create_secret(arn, token)
    elif step == "setSecret":
        set_secret(arn, token)
    elif step == "testSecret":
        test_secret(arn, token)
    elif step == "finishSecret":
        finish_secret(arn, token)
    else:
        raise ValueError(f"Invalid step parameter {step} for secret {arn}")


def create_secret(arn: str, token: str) -> None:
    """Stores the other user of the pair with a random password, unless the version has a value already."""
    current = get_secret_dict(arn, "AWSCURRENT")
    try:
        get_secret_dict(arn, "AWSPENDING", token)
        logger.info("createSecret: Successfully retrieved secret for %s", arn)
    except secrets_manager.exceptions.ResourceNotFoundException:
        current["username"] = get_alt_username(current["username"])
        current["password"] = get_random_password()
        secrets_manager.put_secret_value(
            SecretId=arn,
            ClientRequestToken=token,
            SecretString=json.dumps(current),
            VersionStages=["AWSPENDING"],
        )
        logger.info("createSecret: Successfully put secret for ARN %s and version %s", arn, token)


def set_secret(arn: str, token: str) -> None:
    """Sets the pending password on the broker, and gives the pending user the permissions of the current one.

    If the broker accepts the pending login already, nothing is left to do.
    """
    current = get_secret_dict(arn, "AWSCURRENT")
    pending = get_secret_dict(arn, "AWSPENDING", token)
    if log_in(pending):
        logger.info("setSecret: AWSPENDING secret is already set as password for secret %s", arn)
        return

    if get_alt_username(current["username"]) != pending["username"]:
        raise ValueError(f"User {pending['username']} is not the alternate of user {current['username']}")
    if endpoints(current) != endpoints(pending):
        raise ValueError(f"The AWSPENDING version of secret {arn} names another broker than AWSCURRENT")
    # The credentials to rotate must be valid. This protects against a confused deputy.
    if not log_in(current):
        raise ValueError(f"Unable to log in to the broker with the current credentials of secret {arn}")

    admin_arn = current["masterarn"]
    admin = get_secret_dict(admin_arn, "AWSCURRENT")
    if endpoints(admin) != endpoints(current):
        raise ValueError(f"The admin secret {admin_arn} names another broker than secret {arn}")

    copy_user(admin, current["username"], pending["username"], pending["password"])
    logger.info("setSecret: Successfully set password of %s for secret %s", pending["username"], arn)


def test_secret(arn: str, token: str) -> None:
    """Logs in to the broker with the pending credentials."""
    if not log_in(get_secret_dict(arn, "AWSPENDING", token)):
        raise ValueError(f"Unable to log in to the broker with the pending secret of secret {arn}")
    logger.info("testSecret: Successfully logged in to the broker with AWSPENDING secret in %s", arn)


def finish_secret(arn: str, token: str) -> None:
    """Moves AWSCURRENT to the pending version."""
    versions = secrets_manager.describe_secret(SecretId=arn)["VersionIdsToStages"]
    current_version = next((version for version, stages in versions.items() if "AWSCURRENT" in stages), None)
    if current_version == token:
        logger.info("finishSecret: Version %s already marked as AWSCURRENT for %s", token, arn)
        return
    secrets_manager.update_secret_version_stage(
        SecretId=arn, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current_version
    )
    logger.info("finishSecret: Successfully set AWSCURRENT stage to version %s for secret %s", token, arn)


def copy_user(admin: dict, source: str, target: str, password: str) -> None:
    """Creates the user `target` or replaces its password, with the tags and the permissions of `source`."""
    user = manage(admin, "GET", "users", source)
    permissions = manage(admin, "GET", "users", source, "permissions")
    topic_permissions = manage(admin, "GET", "users", source, "topic-permissions")
    manage(admin, "PUT", "users", target, body={"password": password, "tags": ",".join(user["tags"])})
    # Without a topic permission, every routing key is allowed. So the topic permissions come first.
    for topic in topic_permissions:
        body = {key: topic[key] for key in ("exchange", "write", "read")}
        manage(admin, "PUT", "topic-permissions", topic["vhost"], target, body=body)
    for permission in permissions:
        body = {key: permission[key] for key in ("configure", "write", "read")}
        manage(admin, "PUT", "permissions", permission["vhost"], target, body=body)


def manage(admin: dict, method: str, *path: str, body: dict | None = None) -> dict | list | None:
    """Calls the management API as the admin. Returns the decoded answer, or None if it has no content."""
    management_url = endpoints(admin)[2]
    url = "/".join([management_url, "api", *(quote(segment, safe="") for segment in path)])
    headers = urllib3.make_headers(basic_auth=f"{admin['username']}:{admin['password']}")
    response = http.request(method, url, headers=headers, json=body, redirect=False)
    if response.status >= 300:
        raise ValueError(f"The management API answered {response.status} to {method} {url}")
    return response.json() if response.data else None


def log_in(secret: dict) -> bool:
    """Whether the broker accepts the credentials over AMQPS and lets the user open the vhost."""
    host, port, _ = endpoints(secret)
    parameters = pika.ConnectionParameters(
        host=host,
        port=port,
        virtual_host=secret.get("vhost") or "/",
        credentials=pika.PlainCredentials(secret["username"], secret["password"]),
        ssl_options=pika.SSLOptions(tls, host),
        socket_timeout=TIMEOUT_SECONDS,
        stack_timeout=TIMEOUT_SECONDS,
        blocked_connection_timeout=TIMEOUT_SECONDS,
    )
    try:
        pika.BlockingConnection(parameters).close()
    except AMQPConnectionError as error:
        logger.info("No login to %s as %s: %s", host, secret["username"], type(error).__name__)
        return False
    return True


def endpoints(secret: dict) -> tuple[str, int, str]:
    """The host and the port for AMQPS, and the URL of the management API."""
    if secret.get("brokerId"):
        return endpoints_of_broker(secret["brokerId"])
    host = secret["host"]
    management_url = secret.get("managementUrl") or f"https://{host}"
    return host, int(secret.get("port") or 5671), management_url.rstrip("/")


@functools.cache
def endpoints_of_broker(broker_id: str) -> tuple[str, int, str]:
    """The endpoints of an Amazon MQ broker. A cluster has one load balancer, and so one entry, too."""
    instance = amazon_mq.describe_broker(BrokerId=broker_id)["BrokerInstances"][0]
    amqps = next(endpoint for endpoint in instance["Endpoints"] if endpoint.startswith("amqps://"))
    host, port = amqps.removeprefix("amqps://").rstrip("/").rsplit(":", 1)
    return host, int(port), instance["ConsoleURL"].rstrip("/")


def get_secret_dict(arn: str, stage: str, token: str | None = None) -> dict:
    """The value of the version to which the staging label is attached, with its required keys."""
    version = {"VersionId": token} if token else {}
    answer = secrets_manager.get_secret_value(SecretId=arn, VersionStage=stage, **version)
    secret = json.loads(answer["SecretString"])
    for key in ("engine", "username", "password"):
        if key not in secret:
            raise KeyError(f"{key} key is missing from secret JSON")
    if secret["engine"] != "rabbitmq":
        raise KeyError("Engine must be set to 'rabbitmq' in order to use this rotation function")
    return secret


def get_alt_username(username: str) -> str:
    """The other user of the pair: with `_clone` appended, or without it."""
    if username.endswith(CLONE_SUFFIX):
        return username.removesuffix(CLONE_SUFFIX)
    if len(username + CLONE_SUFFIX) > USER_NAME_LIMIT:
        raise ValueError(f"User {username} is too long to append {CLONE_SUFFIX}")
    return username + CLONE_SUFFIX


def get_random_password() -> str:
    """A random password without the characters that Amazon MQ does not accept."""
    answer = secrets_manager.get_random_password(
        ExcludeCharacters=os.environ.get("EXCLUDE_CHARACTERS", ":/@\"'\\,="),
        PasswordLength=int(os.environ.get("PASSWORD_LENGTH", "32")),
        RequireEachIncludedType=True,
    )
    return answer["RandomPassword"]
