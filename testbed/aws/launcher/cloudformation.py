"""Adds or corrects CloudFormation resources that MiniStack lacks or handles differently from AWS (rows F)."""

import json

from ministack.services import eks, eventbridge, mq
from ministack.services import lambda_svc as lam
from ministack.services import secretsmanager as sm
from ministack.services.cloudformation import provisioners

from .secrets_manager import taken_name

HANDLERS = provisioners._RESOURCE_HANDLERS


def install() -> None:
    _secret()
    _function()
    _refuse("AWS::CloudWatch::Dashboard", _problem_of_dashboard)
    _refuse("AWS::SNS::TopicPolicy", _problem_of_topic_policy)
    _refuse("AWS::Scheduler::Schedule", lambda properties: None, _problem_of_schedule)
    HANDLERS["AWS::SecretsManager::RotationSchedule"] = {
        "create": lambda logical_id, properties, stack: _schedule_rotation(properties),
        "update": lambda physical_id, old, new, stack: _schedule_rotation(new),
        "delete": lambda physical_id, properties: _stop_rotation(physical_id),
    }
    HANDLERS["AWS::SecretsManager::ResourcePolicy"] = {
        "create": lambda logical_id, properties, stack: _put_policy(properties),
        "update": lambda physical_id, old, new, stack: _put_policy(new),
        "delete": lambda physical_id, properties: sm._delete_resource_policy({"SecretId": physical_id}),
    }
    HANDLERS["AWS::Events::EventBusPolicy"] = {
        "create": lambda logical_id, properties, stack: _put_bus_policy(properties),
        "update": lambda physical_id, old, new, stack: _put_bus_policy(new),
        "delete": lambda physical_id, properties: eventbridge._remove_permission(properties),
    }
    HANDLERS["AWS::AmazonMQ::Broker"] = {
        "create": lambda logical_id, properties, stack: _create_broker(properties),
        "delete": lambda physical_id, properties: mq._delete_broker(physical_id),
    }
    HANDLERS["AWS::EKS::AccessEntry"] = {
        "create": lambda logical_id, properties, stack: _create_access_entry(properties),
        "update": lambda physical_id, old, new, stack: _update_access_entry(old, new),
        "delete": lambda physical_id, properties: eks._access_entries.pop(
            _access_entry_key(properties), None
        ),
    }


def _refuse(kind: str, problem_of, problem_of_change=lambda old, new: None) -> None:
    """Fails a resource that its service refuses on AWS and that MiniStack accepts."""
    handlers = HANDLERS[kind]
    create, update = handlers["create"], handlers["update"]

    def checked_create(logical_id, properties, stack):
        _fail(problem_of(properties))
        return create(logical_id, properties, stack)

    def checked_update(physical_id, old, new, stack, **more):
        _fail(problem_of(new) or problem_of_change(old, new))
        return update(physical_id, old, new, stack, **more)

    HANDLERS[kind] = {**handlers, "create": checked_create, "update": checked_update}


def _fail(problem: str | None) -> None:
    if problem:
        raise ValueError(problem)


def _problem_of_dashboard(properties: dict) -> str | None:
    body = properties.get("DashboardBody")
    try:
        json.loads(body) if isinstance(body, str) else None
    except ValueError as error:
        return f"The field DashboardBody must be a valid JSON object: {error}"
    return None


def _problem_of_topic_policy(properties: dict) -> str | None:
    statements = properties["PolicyDocument"].get("Statement", [])
    several = any(isinstance(one.get("Resource"), list) and len(one["Resource"]) > 1 for one in statements)
    return "Invalid parameter: Policy statement must apply to a single resource!" if several else None


def _problem_of_schedule(old: dict, new: dict) -> str | None:
    """UpdateSchedule looks for the schedule in the new group and does not find it."""
    changed = old.get("GroupName") != new.get("GroupName")
    return "Schedule was not found (HandlerErrorCode: NotFound)" if changed else None


def _checked(answer: tuple) -> dict:
    status, _, body = answer
    if status >= 400:
        raise ValueError(body.decode() if isinstance(body, bytes) else str(body))
    return json.loads(body) if body else {}


def _secret() -> None:
    """`Ref` is the ARN ("AWS::SecretsManager::Secret", return values). MiniStack's handlers use names.

    A name that is in use fails the resource, and the secret with that name stays as it is. MiniStack would
    replace that secret, and delete it in the rollback.
    """
    create, update, delete = (
        provisioners.__dict__[f"_sm_secret_{verb}"] for verb in ("create", "update", "delete")
    )

    def name_of(arn: str) -> str:
        return sm._resolve(arn)[0] or arn

    def check_name(name: str | None) -> None:
        taken = taken_name(name)
        _fail(": ".join(taken) if taken else None)

    def create_by_arn(logical_id, properties, stack):
        check_name(properties.get("Name"))
        name, attributes = create(logical_id, properties, stack)
        if not ({"SecretString", "GenerateSecretString"} & properties.keys()):
            sm._secrets[name]["Versions"].clear()
        return attributes["Arn"], attributes

    def update_by_arn(physical_id, old, new, stack, logical_id=None):
        if new.get("Name") != name_of(physical_id):
            check_name(new.get("Name"))
        name, attributes = update(name_of(physical_id), old, new, stack, logical_id=logical_id)
        return sm._secrets[name]["ARN"], attributes

    HANDLERS["AWS::SecretsManager::Secret"] = {
        "create": create_by_arn,
        "update": update_by_arn,
        "update_with_logical_id": True,
        "delete": lambda physical_id, properties: delete(name_of(physical_id), properties),
    }


def _schedule_rotation(properties: dict) -> tuple[str, dict]:
    """`RotateImmediatelyOnUpdate` is true by default, so the creation of the schedule rotates at once."""
    rules = dict(properties.get("RotationRules") or {})
    if "AutomaticallyAfterDays" in rules:
        rules["AutomaticallyAfterDays"] = int(rules["AutomaticallyAfterDays"])
    request = {
        "SecretId": properties["SecretId"],
        "RotationLambdaARN": properties.get("RotationLambdaARN"),
        "RotationRules": rules or None,
        "RotateImmediately": str(properties.get("RotateImmediatelyOnUpdate", True)).lower() != "false",
    }
    arn = _checked(sm._rotate_secret(request))["ARN"]
    return arn, {"Id": arn}


def _stop_rotation(arn: str) -> None:
    _, secret = sm._resolve(arn)
    if secret:
        secret["RotationEnabled"] = False


def _put_policy(properties: dict) -> tuple[str, dict]:
    policy = json.dumps(properties["ResourcePolicy"])
    arn = _checked(sm._put_resource_policy({"SecretId": properties["SecretId"], "ResourcePolicy": policy}))[
        "ARN"
    ]
    return arn, {"Id": arn}


def _put_bus_policy(properties: dict) -> tuple[str, dict]:
    """Adds a whole statement. MiniStack's PutPermission can add only statements that allow."""
    bus, statement_id = properties["EventBusName"], properties["StatementId"]
    eventbridge._remove_permission({"EventBusName": bus, "StatementId": statement_id})
    policy = eventbridge._event_bus_policies.setdefault(bus, {"Version": "2012-10-17", "Statement": []})
    policy["Statement"].append({"Sid": statement_id, **properties["Statement"]})
    return f"{bus}|{statement_id}", {}


def _camel_case(value):
    """Converts CloudFormation's property names to the form of the REST APIs."""
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: _camel_case(part) for name, part in value.items()}
    return [_camel_case(part) for part in value] if isinstance(value, list) else value


def _create_broker(properties: dict) -> tuple[str, dict]:
    body = _camel_case({name: value for name, value in properties.items() if name != "Tags"})
    body["tags"] = {tag["Key"]: tag["Value"] for tag in properties.get("Tags") or []}
    answer = _checked(mq._create_broker(body))
    instance = mq._brokers[answer["brokerId"]]["brokerInstances"][0]
    attributes = {
        "Id": answer["brokerId"],
        "Arn": answer["brokerArn"],
        "AmqpEndpoints": instance["endpoints"],
        "ConsoleURLs": [instance["consoleURL"]],
    }
    return answer["brokerId"], attributes


def _access_entry_key(properties: dict) -> str:
    return eks._ae_key(properties["ClusterName"], properties["PrincipalArn"])


def _create_access_entry(properties: dict) -> tuple[str, dict]:
    body = _camel_case(
        {name: value for name, value in properties.items() if name not in ("Tags", "ClusterName")}
    )
    body["tags"] = {tag["Key"]: tag["Value"] for tag in properties.get("Tags") or []}
    entry = _checked(eks._create_access_entry(properties["ClusterName"], body))["accessEntry"]
    return f"{properties['PrincipalArn']}|{properties['ClusterName']}", {
        "AccessEntryArn": entry["accessEntryArn"]
    }


def _update_access_entry(old: dict, new: dict) -> tuple[str, dict]:
    eks._access_entries.pop(_access_entry_key(old), None)
    return _create_access_entry(new)


def _function() -> None:
    """Fails the stack if the code is not in S3, and sets properties that MiniStack's handlers drop."""
    original = HANDLERS["AWS::Lambda::Function"]
    create, update = original["create"], original["update"]

    def create_function(logical_id, properties, stack):
        answer = create(logical_id, properties, stack)
        _complete(answer[0], properties)
        return answer

    def update_function(physical_id, old, new, stack, logical_id=None):
        answer = update(physical_id, old, new, stack, logical_id=logical_id)
        _complete(answer[0], new)
        return answer

    HANDLERS["AWS::Lambda::Function"] = {**original, "create": create_function, "update": update_function}


def _complete(name: str, properties: dict) -> None:
    function = lam._functions[name]
    if not function.get("code_zip") and properties.get("PackageType") != "Image":
        raise ValueError(f"the code of function {name} was not found in S3")
    for key in ("DeadLetterConfig", "VpcConfig", "KmsKeyArn"):
        if properties.get(key):
            function["config"][key] = properties[key]
        else:
            function["config"].pop(key, None)
    reserved = properties.get("ReservedConcurrentExecutions")
    function["concurrency"] = None if reserved is None else int(reserved)
