import base64
import json
from base64 import b64decode


def signature(dump):
    return base64.b64decode(dump["thought_signature"])  # bad


def picture(dump):
    return b64decode(dump["inline_data"]["data"], validate=True)  # bad


def perhaps(dump):
    return base64.b64decode(dump.get("thought_signature", ""))  # bad


def through_text(content):
    dumped = json.loads(content.model_dump_json())
    return base64.b64decode(dumped["parts"][0]["data"])  # bad


def through_a_dict(content):
    dumped = content.model_dump(mode="json", by_alias=True)
    return base64.b64decode(dumped["parts"][0]["thoughtSignature"])  # bad
