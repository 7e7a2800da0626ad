"""`python -m launcher.deploy PORT`: deploys CloudFormation stacks from templates, through the AWS API.

A process of its own, on the loopback address. `POST /` takes a JSON object: `stack`, `template` (path),
`parameters`, `artifacts` (last part of a CodeUri -> folder with `bootstrap`, or the binary). It answers
`{"outputs": ..., "resources": ...}`. With `delete`, it deletes the stack and answers `{}`. If that fails, it
answers 400 and a `message` with the stack's events. `GET /` answers once it is ready.

One process serves all deployments of a run, because to import botocore takes longer than a deployment. Zip
files are not compressed, so a debug binary of 100 MB is packed in a fraction of a second.
"""

import functools
import hashlib
import http.server
import json
import pathlib
import sys
import tempfile
import traceback
import zipfile

import botocore.session
from botocore.exceptions import ClientError, WaiterError

BUCKET = "testbed-artifacts"
FUNCTIONS = ("AWS::Serverless::Function", "AWS::Lambda::Function")
POLL = {"Delay": 0.2, "MaxAttempts": 600}


class Failed(Exception):
    """A deployment that failed, with the reason for the one who asked for it."""


def main() -> None:
    session = botocore.session.get_session()
    # Threads can share clients, but not the session that creates them.
    cloudformation, s3 = session.create_client("cloudformation"), session.create_client("s3")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200, {})

        def do_POST(self) -> None:
            wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                self._answer(200, answer(cloudformation, s3, wanted))
            except Failed as error:
                self._answer(400, {"message": str(error)})
            except Exception:
                self._answer(400, {"message": traceback.format_exc()})

        def _answer(self, status: int, value: dict) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()


def answer(cloudformation, s3, wanted: dict) -> dict:
    if wanted.get("delete"):
        delete(cloudformation, wanted["stack"])
        return {}
    template_path = pathlib.Path(wanted["template"])
    template = json.loads(template_of(template_path.read_text()))
    upload_code(s3, template, template_path.parent, wanted["artifacts"])
    request = {
        "StackName": wanted["stack"],
        "TemplateURL": upload_template(s3, template),
        "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in wanted["parameters"].items()],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    }
    try:
        apply(cloudformation, request)
    except (ClientError, WaiterError) as error:
        events = failed_events(cloudformation, wanted["stack"])
        raise Failed(f"stack {wanted['stack']} failed: {error}\n{events}") from error
    stack = cloudformation.describe_stacks(StackName=wanted["stack"])["Stacks"][0]
    resources = cloudformation.describe_stack_resources(StackName=wanted["stack"])["StackResources"]
    return {
        "outputs": {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])},
        "resources": {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources},
    }


@functools.cache
def template_of(text: str) -> str:
    """The template in JSON. To parse the YAML takes longer than all calls, so each one is parsed once."""
    # Only templates need it, and it takes long to import.
    from awscli.customizations.cloudformation.yamlhelper import yaml_parse

    return json.dumps(yaml_parse(text), default=str)


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
        events = failed_events(cloudformation, stack)
        raise Failed(f"stack {stack} was not deleted: {error}\n{events}") from error


def failed_events(cloudformation, stack: str) -> str:
    try:
        events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    except ClientError as error:
        return str(error)
    parts = ("LogicalResourceId", "ResourceStatus", "ResourceStatusReason")
    return "\n".join(" ".join(event.get(part, "") for part in parts).strip() for event in reversed(events))


def upload_code(s3, template: dict, folder: pathlib.Path, artifacts: dict[str, str]) -> None:
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


def upload_template(s3, template: dict) -> str:
    """Uploads to S3, as `sam deploy` does: CloudFormation takes 51,200 bytes in a request and 1 MB in S3."""
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
        raise Failed(f"{source} holds no file `bootstrap`: build the function first")
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
