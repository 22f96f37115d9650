"""Makes a bucket, which object clients leave to others: one request, signed by AWS Signature 4."""

from __future__ import annotations

import hashlib
import hmac
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from services import Unavailable

_SIGNED = "host;x-amz-content-sha256;x-amz-date"


def make_bucket(endpoint: str, bucket: str, access_key: str, secret: str, region: str) -> None:
    """Raises `Unavailable` if the server refuses."""
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"{now[:8]}/{region}/s3/aws4_request"
    nothing = hashlib.sha256(b"").hexdigest()
    headers = {"host": urlsplit(endpoint).netloc, "x-amz-content-sha256": nothing, "x-amz-date": now}
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    asked = f"PUT\n/{bucket}\n\n{lines}\n{_SIGNED}\n{nothing}"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(asked.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.digest(key, part.encode(), "sha256")
    headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={access_key}/{scope},SignedHeaders={_SIGNED},Signature={key.hex()}"
    )
    request = urllib.request.Request(f"{endpoint}/{bucket}", headers=headers, method="PUT")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(request, timeout=300).close()
    except (OSError, urllib.error.HTTPError) as error:
        raise Unavailable(f"the bucket {bucket} cannot be made: {error}") from None
