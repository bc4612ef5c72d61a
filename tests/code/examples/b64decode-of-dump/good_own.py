import base64


def stored(part):
    return {"thought_signature": base64.b64encode(part.thought_signature).decode()}


def read(stored):
    return base64.b64decode(stored["thought_signature"])  # good
