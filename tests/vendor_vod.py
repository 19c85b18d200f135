# Carries out steps with Alibaba Cloud's own clients against a server that speaks as its services do. Prints what each step
# brought: a video's id, "ok", or the code of the error.
import base64
import hashlib
import hmac
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

import oss2
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient

address, access_key, secret_key, region = sys.argv[1:5]
client = AcsClient(access_key, secret_key, region)
place, keys, video = {}, {}, ""


def call(action, parameters):
    global place, keys, video
    module = __import__(f"aliyunsdkvod.request.v20170321.{action}Request", fromlist=["x"])
    request = getattr(module, f"{action}Request")()
    request.set_accept_format("json")
    request.set_protocol_type("http")
    request.set_endpoint(address)
    for name, value in parameters.items():
        request.add_query_param(name, value)
    answer = json.loads(client.do_action_with_exception(request))
    place = json.loads(base64.b64decode(answer["UploadAddress"]))
    keys = json.loads(base64.b64decode(answer["UploadAuth"]))
    video = answer["VideoId"]
    return video


def by_hand(change):
    """A call signed here, with what `change` does to it afterwards."""
    parameters = {
        "Action": "CreateUploadVideo", "Version": "2017-03-21", "Format": "JSON", "AccessKeyId": access_key,
        "SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0", "SignatureNonce": str(uuid.uuid4()),
        "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - (3600 if change == "late" else 0))),
        "Title": "t", "FileName": "a.m3u8",
    }
    quote = lambda text: urllib.parse.quote(text, safe="-_.~")
    text = "&".join(f"{quote(name)}={quote(parameters[name])}" for name in sorted(parameters))
    digest = hmac.new((secret_key + "&").encode(), ("GET&%2F&" + quote(text)).encode(), hashlib.sha1).digest()
    parameters["Signature"] = base64.b64encode(digest).decode()
    if change in parameters:
        text = parameters[change]
        parameters[change] = ("B" if text.startswith("A") else "A") + text[1:]
    url = f"http://{address}/?{urllib.parse.urlencode(parameters)}"
    for _ in range(2 if change == "repeat" else 1):
        try:
            with urllib.request.urlopen(url) as answer:
                result = json.load(answer)["VideoId"]
        except urllib.error.HTTPError as error:
            result = json.load(error)["Code"]
    return result


def bucket(what):
    secret, token = what.get("secret", keys["AccessKeySecret"]), what.get("token", keys["SecurityToken"])
    provider = oss2.credentials.StaticCredentialsProvider(keys["AccessKeyId"], secret, token)
    signers = {1: oss2.ProviderAuth, 4: oss2.ProviderAuthV4}
    return oss2.Bucket(signers[what["version"]](provider), place["Endpoint"], place["Bucket"], region=region)


def key(what):
    return what.get("key") or (place["ObjectPrefix"] + what["name"] if "name" in what else place["FileName"])


def step(name, what):
    if name == "create":
        return call("CreateUploadVideo", what)
    if name == "refresh":
        return call("RefreshUploadVideo", what or {"VideoId": video})
    if name == "put":
        bucket(what).put_object(key(what), what["text"], headers={"Content-Type": "video/mp2t"})
    elif name == "parts":
        store, part = bucket(what), b"x" * 100 * 1024
        upload = store.init_multipart_upload(key(what)).upload_id
        parts = []
        for number, start in enumerate(range(0, what["bytes"], len(part)), 1):
            data = part[: what["bytes"] - start]
            parts.append(oss2.models.PartInfo(number, store.upload_part(key(what), upload, number, data).etag))
        store.complete_multipart_upload(key(what), upload, parts)
    elif name == "get":
        bucket(what).get_object(key(what)).read()
    elif name == "tamper":
        return by_hand(what)
    else:
        return by_hand(name)
    return "ok"


results = []
for each in json.loads(sys.argv[5]):
    ((name, what),) = each.items()
    try:
        results.append(step(name, what))
    except ServerException as error:
        results.append(error.get_error_code())
    except oss2.exceptions.OssError as error:
        results.append(error.code or str(error.status))
print(json.dumps(results))
