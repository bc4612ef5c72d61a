import base64


def signature(dump):
    return base64.urlsafe_b64decode(dump["thought_signature"] + "==")  # good


def explicit(dump):
    return base64.b64decode(dump["thought_signature"], altchars=b"-_")  # good


def of_the_service(answer):
    return base64.b64decode(answer["thoughtSignature"])  # good


def of_a_header(header):
    return base64.b64decode(header.partition(" ")[2])  # good


def dumped(content, token):
    text = content.model_dump_json()
    return text, base64.b64decode(token)  # good


def test_it(content, dump):
    assert base64.b64decode(dump["inline_data"]["data"]) == b"png"  # good
    assert content.model_dump_json()


def uploaded(file_data, user):
    logged = user.model_dump_json()
    return base64.b64decode(file_data["content"]), logged  # good
