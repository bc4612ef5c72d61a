"""What a replay costs: all scenarios on their cassettes, against one bare import of the SDK.

The bound is 1.5 times the import plus 1 s, as medians of runs that take turns. Beside it, in the same run: the same
tests on the same traffic as vcrpy alone would have recorded it, unshrunk: images and signatures as large as the
service's, in its default YAML.
"""

from __future__ import annotations

import base64
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROUNDS, FACTOR, MORE = 5, 1.5, 1.0
ROOT = Path(__file__).parents[1]
SIGNATURE = 800_000
# No key; and bytecode on both sides, as an installed package has it.
LEFT_OUT = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "PYTHONDONTWRITEBYTECODE")


def seconds(command: list[str], cwd: Path) -> float:
    outer = {k: v for k, v in os.environ.items() if k not in LEFT_OUT}
    begun = time.perf_counter()
    ended = subprocess.run(command, cwd=cwd, env=outer, capture_output=True, encoding="utf-8")
    took = time.perf_counter() - begun
    if ended.returncode:
        sys.exit(ended.stdout + ended.stderr)
    return took


def large(document: Any, images: dict[str, str]) -> Any:
    """A body with images and signatures of real size in place of the stubs; the same stub is the same image."""
    if isinstance(document, list):
        return [large(item, images) for item in document]
    if not isinstance(document, dict):
        return document
    made = {name: large(value, images) for name, value in document.items()}
    for name in ("thoughtSignature", "thought_signature"):
        if name in made:
            true = images.setdefault(plain(made[name]), base64.b64encode(os.urandom(SIGNATURE)).decode())
            made[name] = spelled(true, made[name])
    if isinstance(made.get("data"), str):
        stub = plain(made["data"])
        if stub not in images:
            images[stub] = picture(base64.b64decode(stub))
        made["data"] = spelled(images[stub], made["data"])
    return made


def spelled(text: str, like: str) -> str:
    """Base64 in the alphabet of `like`: the SDK sends back what came in the other one."""
    return text.replace("+", "-").replace("/", "_") if "-" in like or "_" in like else text


def plain(text: str) -> str:
    """Base64 in the standard alphabet, padded."""
    text = text.replace("-", "+").replace("_", "/").rstrip("=")
    return text + "=" * (-len(text) % 4)


def picture(stub: bytes) -> str:
    """A noisy image of the stub's type and dimensions."""
    from PIL import Image

    with Image.open(io.BytesIO(stub)) as image:
        written = io.BytesIO()
        Image.effect_noise(image.size, 40).convert("RGB").save(written, image.format)
    return base64.b64encode(written.getvalue()).decode()


def unshrunk(source: Path, target: Path) -> int:
    """Write the cassettes as vcrpy would have, and return their size in bytes.

    What a stub of a request stands for is what came in the answer before it, so one table serves a whole cassette.
    """
    from vcr.request import Request
    from vcr.serialize import serialize
    from vcr.serializers import yamlserializer

    from omni_release import cassettes

    for path in cassettes.in_folder(source):
        images: dict[str, str] = {}
        found = cassettes.read(path).interactions
        answers = [json.dumps(large(json.loads(one.body), images), indent=2) for one in found]
        asked = [json.dumps(large(json.loads(one.sent or b"{}"), images)) for one in found]
        content = {
            "requests": [
                Request(one.method, one.uri, body, {"content-type": "application/json"})
                for one, body in zip(found, asked, strict=True)
            ],
            "responses": [
                {
                    "status": {"code": one.code, "message": "OK"},
                    "headers": {name: [value] for name, value in one.headers.items()},
                    "body": {"string": body},
                }
                for one, body in zip(found, answers, strict=True)
            ],
        }
        into = target / path.relative_to(source)
        into.parent.mkdir(parents=True, exist_ok=True)
        into.write_text(serialize(content, yamlserializer), encoding="utf-8")
    return sum(path.stat().st_size for path in target.rglob("*.yaml"))


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        size = unshrunk(ROOT / "cassettes", root / "unshrunk")
        small = sum(path.stat().st_size for path in (ROOT / "cassettes").rglob("*.yaml"))
        # Without the plugins that the extra does not bring.
        replay = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
        replay += ["-p", "no:hypothesispytest", "--pyargs", "omni_release.smoke.scenarios"]
        commands = {
            "bare import of the SDK": [sys.executable, "-c", "from google import genai"],
            "replay": [*replay, f"--smoke-cassettes={ROOT / 'cassettes'}"],
            "replay, unshrunk": [*replay, f"--smoke-cassettes={root / 'unshrunk'}"],
        }
        for command in commands.values():
            seconds(command, root)
        took = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                took[name].append(seconds(command, root))
        medians = {name: statistics.median(times) for name, times in took.items()}
    for name, median in medians.items():
        print(f"{name:<24} {median:6.2f} s")
    print(f"cassettes: {small / 1000:.0f} KB, unshrunk {size / 1_000_000:.1f} MB")
    bound = FACTOR * medians["bare import of the SDK"] + MORE
    print(f"replay: {medians['replay']:.2f} s, and at most {bound:.2f} s ({FACTOR} times the import + {MORE:g} s)")
    return 0 if medians["replay"] <= bound else 1


if __name__ == "__main__":
    sys.exit(main())
