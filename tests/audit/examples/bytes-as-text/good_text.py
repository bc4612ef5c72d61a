def stored(block):
    return Part(thought_signature=block.signature.encode("utf-8"))


def read(part):
    return part.thought_signature.decode("utf-8")  # good
