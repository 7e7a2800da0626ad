"""An independent maker of EKS tokens: botocore's signer, as `aws eks get-token` of the AWS CLI uses it.

Reads JSON from standard input: credentials as STS names them, `cluster`, `region`, `minutes_old`.
Prints the token.
"""

import base64
import datetime
import json
import sys

import botocore.auth
import botocore.session
from botocore.credentials import Credentials
from botocore.model import ServiceId
from botocore.signers import RequestSigner


def main() -> None:
    wanted = json.load(sys.stdin)
    region = wanted["region"]
    signed_at = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=wanted["minutes_old"])
    botocore.auth.get_current_datetime = lambda remove_tzinfo=True: signed_at.replace(tzinfo=None)
    credentials = Credentials(wanted["AccessKeyId"], wanted["SecretAccessKey"], wanted.get("SessionToken"))
    emitter = botocore.session.Session().get_component("event_emitter")
    signer = RequestSigner(ServiceId("STS"), region, "sts", "v4", credentials, emitter)
    request = {
        "method": "GET",
        "url": f"https://sts.{region}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15",
        "body": {},
        "headers": {"x-k8s-aws-id": wanted["cluster"]},
        "context": {},
    }
    url = signer.generate_presigned_url(request, region_name=region, expires_in=60, operation_name="")
    print("k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("="))


main()
