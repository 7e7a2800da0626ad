"""`python -m launcher.deploy`: deploys one CloudFormation stack from a template, through the AWS API.

Reads a JSON object from standard input: `stack`, `template` (path), `parameters`, `artifacts` (last part of a
CodeUri -> folder with `bootstrap`, or the binary itself). Prints `{"outputs": ..., "resources": ...}`. If the
deployment fails, prints the stack's events to standard error and exits with 1. With `delete`, it deletes the
stack and prints `{}`.

Zip files are not compressed, so a debug binary of 100 MB is packed in a fraction of a second.
"""

import contextlib
import hashlib
import json
import pathlib
import sys
import tempfile
import zipfile

import botocore.session
from botocore.exceptions import ClientError, WaiterError

BUCKET = "testbed-artifacts"
FUNCTIONS = ("AWS::Serverless::Function", "AWS::Lambda::Function")
POLL = {"Delay": 0.2, "MaxAttempts": 600}


def main() -> None:
    wanted = json.load(sys.stdin)
    session = botocore.session.get_session()
    if wanted.get("delete"):
        delete(session.create_client("cloudformation"), wanted["stack"])
        print("{}")
        return
    template_path = pathlib.Path(wanted["template"])
    template = template_of(template_path)
    upload_code(session, template, template_path.parent, wanted["artifacts"])
    cloudformation = session.create_client("cloudformation")
    request = {
        "StackName": wanted["stack"],
        "TemplateURL": upload_template(session, template),
        "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in wanted["parameters"].items()],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    }
    try:
        apply(cloudformation, request)
    except (ClientError, WaiterError) as error:
        sys.exit(f"stack {wanted['stack']} failed: {error}\n{failed_events(cloudformation, wanted['stack'])}")
    stack = cloudformation.describe_stacks(StackName=wanted["stack"])["Stacks"][0]
    resources = cloudformation.describe_stack_resources(StackName=wanted["stack"])["StackResources"]
    answer = {
        "outputs": {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])},
        "resources": {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources},
    }
    print(json.dumps(answer))


def template_of(path: pathlib.Path) -> dict:
    """Keeps each parsed template for the next process: to parse the YAML takes longer than all calls."""
    text = path.read_bytes()
    kept = pathlib.Path(tempfile.gettempdir()) / f"{hashlib.sha256(text).hexdigest()}.template.json"
    with contextlib.suppress(FileNotFoundError):
        return json.loads(kept.read_bytes())
    # Only this branch needs it, and it takes long to import.
    from awscli.customizations.cloudformation.yamlhelper import yaml_parse

    template = yaml_parse(text.decode())
    with tempfile.NamedTemporaryFile("w", dir=kept.parent, delete=False) as new:
        json.dump(template, new, default=str)
    pathlib.Path(new.name).replace(kept)
    return json.loads(kept.read_bytes())


def apply(cloudformation, request: dict) -> None:
    name = request["StackName"]
    try:
        cloudformation.describe_stacks(StackName=name)
    except ClientError:
        cloudformation.create_stack(**request)
        cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=POLL)
        return
    try:
        cloudformation.update_stack(**request)
    except ClientError as error:
        if "No updates are to be performed" in str(error):
            return
        raise
    cloudformation.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig=POLL)


def delete(cloudformation, stack: str) -> None:
    try:
        cloudformation.delete_stack(StackName=stack)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig=POLL)
    except (ClientError, WaiterError) as error:
        sys.exit(f"stack {stack} was not deleted: {error}\n{failed_events(cloudformation, stack)}")


def failed_events(cloudformation, stack: str) -> str:
    try:
        events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    except ClientError as error:
        return str(error)
    parts = ("LogicalResourceId", "ResourceStatus", "ResourceStatusReason")
    return "\n".join(" ".join(event.get(part, "") for part in parts).strip() for event in reversed(events))


def upload_code(session, template: dict, folder: pathlib.Path, artifacts: dict[str, str]) -> None:
    s3 = session.create_client("s3")
    s3.create_bucket(Bucket=BUCKET)
    uploaded: dict[str, str] = {}
    for_all = template.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
    for resource in template["Resources"].values():
        properties = resource.setdefault("Properties", {})
        if for_all and resource["Type"] == "AWS::Serverless::Function":
            properties.setdefault("CodeUri", for_all)
        key = "CodeUri" if "CodeUri" in properties else "Code"
        code = properties.get(key)
        if resource["Type"] not in FUNCTIONS or not isinstance(code, str):
            continue
        source = pathlib.Path(artifacts.get(pathlib.PurePath(code).name) or folder / code)
        if str(source) not in uploaded:
            uploaded[str(source)] = upload(s3, source)
        bucket, name = ("Bucket", "Key") if key == "CodeUri" else ("S3Bucket", "S3Key")
        properties[key] = {bucket: BUCKET, name: uploaded[str(source)]}


def upload_template(session, template: dict) -> str:
    """Uploads to S3, as `sam deploy` does: CloudFormation takes 51,200 bytes in a request and 1 MB in S3."""
    s3 = session.create_client("s3")
    body = json.dumps(template, default=str).encode()
    key = hashlib.sha256(body).hexdigest() + ".json"
    s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    return f"{s3.meta.endpoint_url}/{BUCKET}/{key}"


def upload(s3, source: pathlib.Path) -> str:
    files = (
        [(source, "bootstrap")]
        if source.is_file()
        else [(p, str(p.relative_to(source))) for p in files_of(source)]
    )
    if not any(name == "bootstrap" for _, name in files):
        sys.exit(f"{source} holds no file `bootstrap`: build the function first")
    key = key_of(files)
    if is_there(s3, key):
        return key
    with tempfile.TemporaryFile() as archive:
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as package:
            for path, name in files:
                # With a fixed date, equal binaries make equal packages and the function is not replaced.
                entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
                entry.external_attr = 0o100755 << 16
                package.writestr(entry, path.read_bytes())
        archive.seek(0)
        s3.put_object(Bucket=BUCKET, Key=key, Body=archive)
    return key


def key_of(files: list[tuple[pathlib.Path, str]]) -> str:
    """Uses time and size, because to hash hundreds of megabytes for dozens of stacks takes too long."""
    known = [(name, str(path), path.stat().st_mtime_ns, path.stat().st_size) for path, name in files]
    return hashlib.sha256(json.dumps(known).encode()).hexdigest() + ".zip"


def is_there(s3, key: str) -> bool:
    try:
        s3.head_object(Bucket=BUCKET, Key=key)
    except ClientError:
        return False
    return True


def files_of(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
