"""Amazon MQ brokers and EKS clusters with the testbed's endpoints, which their creator sets (rows E).

Defaults come from the environment: MQ_CONSOLE, MQ_ENDPOINT, EKS_ENDPOINT and EKS_CA_FILE. For one broker,
they come from MQ_<NAME>_CONSOLE and MQ_<NAME>_ENDPOINT.
"""

import base64
import json
import os
import pathlib

from ministack.core.responses import error_response_json, get_account_id, get_region, new_uuid
from ministack.services import eks, mq
from ministack.services.cloudformation import provisioners

from . import rate_limits
from .common import scope_of

# CreateCluster requires a role that exists.
CLUSTER_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}

_create_broker = mq._create_broker
_describe_broker = mq._describe_broker
_create_cluster = eks._create_cluster


def install() -> None:
    mq._create_broker = create_broker
    mq._describe_broker = describe_broker
    # A broker's id begins with `b-` on AWS, and templates may require that.
    mq.new_uuid = lambda: f"b-{new_uuid()}"
    eks._create_cluster = create_cluster
    eks._get_docker = lambda: None


def create_broker(body: dict) -> tuple:
    answer = _create_broker(body)
    if answer[0] >= 300:
        return answer
    broker = mq._brokers[json.loads(answer[2])["brokerId"]]
    prefix = f"MQ_{broker['brokerName'].upper().replace('-', '_')}"
    console = os.environ.get(f"{prefix}_CONSOLE") or os.environ.get("MQ_CONSOLE", "https://localhost:15671")
    endpoint = os.environ.get(f"{prefix}_ENDPOINT") or os.environ.get("MQ_ENDPOINT", "amqps://localhost:5671")
    broker["brokerInstances"] = instances(console, endpoint)
    broker["users"] = [{"username": user.get("username")} for user in body.get("users", [])]
    return answer


def describe_broker(broker_id: str) -> tuple:
    if rate_limits.admits("DescribeBroker"):
        return _describe_broker(broker_id)
    return error_response_json("TooManyRequestsException", "Rate exceeded", 429)


def instances(console: str, endpoint: str) -> list[dict]:
    return [{"consoleURL": console, "endpoints": [endpoint], "ipAddress": "127.0.0.1"}]


def put_broker(wanted: dict) -> dict:
    """For the control endpoint: creates the broker `name`, or changes it if it exists.

    With `account`, it is a broker of that account. Only callers in that account can describe it.
    """
    account = wanted.get("account") or get_account_id()
    with scope_of(f"arn:aws:mq:{get_region()}:{account}:broker:{wanted['name']}"):
        return _put_broker(wanted)


def _put_broker(wanted: dict) -> dict:
    broker_id = mq._name_index.get(wanted["name"])
    if not broker_id:
        status, _, body = create_broker({"brokerName": wanted["name"], "engineType": wanted["engineType"]})
        if status >= 300:
            raise ValueError(body.decode() if isinstance(body, bytes) else str(body))
        broker_id = json.loads(body)["brokerId"]
    broker = mq._brokers[broker_id]
    broker["engineType"], broker["brokerState"] = wanted["engineType"], wanted["state"]
    broker["actionsRequired"] = [
        {"actionRequiredCode": code, "actionRequiredInfo": f"https://docs.aws.amazon.com/{code}"}
        for code in wanted.get("actions", [])
    ]
    starting = wanted["state"] == "CREATION_IN_PROGRESS"
    broker["brokerInstances"] = [] if starting else instances(wanted["consoleUrl"], wanted["amqpsEndpoint"])
    return {"brokerId": broker_id, "brokerArn": broker["brokerArn"]}


def create_cluster(body: dict, creator_arn: str | None = None) -> tuple:
    answer = _create_cluster(body, creator_arn)
    if answer[0] < 300:
        endpoint, ca_file = os.environ.get("EKS_ENDPOINT"), os.environ.get("EKS_CA_FILE")
        authority = pathlib.Path(ca_file).read_bytes() if ca_file else None
        _set_cluster(eks._clusters[body["name"]], endpoint, authority)
    return answer


def put_cluster(wanted: dict) -> dict:
    """For the control endpoint: creates the cluster `name`, or changes it if it exists."""
    if wanted["name"] not in eks._clusters:
        role = {"RoleName": f"{wanted['name']}-cluster", "AssumeRolePolicyDocument": CLUSTER_TRUST}
        _, attributes = provisioners._RESOURCE_HANDLERS["AWS::IAM::Role"]["create"]("Role", role, "testbed")
        status, _, body = create_cluster({"name": wanted["name"], "roleArn": attributes["Arn"]})
        if status >= 300:
            raise ValueError(str(body))
    cluster = eks._clusters[wanted["name"]]
    _set_cluster(cluster, wanted["endpoint"], wanted["certificateAuthority"].encode())
    return {"name": wanted["name"], "arn": cluster["arn"]}


def _set_cluster(cluster: dict, endpoint: str | None, authority: bytes | None) -> None:
    cluster["status"] = "ACTIVE"
    if endpoint:
        cluster["endpoint"] = endpoint
    if authority:
        cluster["certificateAuthority"]["data"] = base64.b64encode(authority).decode()
