def stored(block):
    return Part(thought_signature=block.signature.encode("utf-8"))


def read(part):
    return part.thought_signature.decode("utf-8")  # good


def text_by_its_type(part, mime_type):
    if mime_type.startswith("text/"):
        return part.inline_data.data.decode()  # good
    raise ValueError(mime_type)
