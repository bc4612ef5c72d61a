"""The failures of the day, and how each is replayed: put into the project, shown, corrected.

Those of the source come first, each with its own check; `release` shows the others in a rehearsal and a release.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from omni_release.emulators import GeminiEmulator
from tests.conftest import Ran
from tests.demo.checkout import Checkout


@dataclass(frozen=True)
class Shown:
    """What was seen of a failure.

    `by` is the rule that stopped it, or the task that avoids it; `avoided` says why it cannot happen. `command` printed
    `message`; `fix` is what was done then.
    """

    by: str
    command: str
    message: str
    avoided: str = ""
    fix: str = ""


class NotStopped(Exception):
    """A failure was neither stopped nor avoided, or its correction does not pass."""


def stopped(checkout: Checkout, rule: str, *arguments: str, **variables: str) -> Shown:
    """The problem of this rule, as the command prints it. Raises NotStopped where it does not."""
    ran = checkout.run(*arguments, **variables)
    block = next((block for block in ran.out.split("\n\n") if re.match(rf"  \d+ +{re.escape(rule)}  ", block)), "")
    if ran.code not in (1, 4) or not block:
        raise NotStopped(f"`{typed(arguments)}` (exit code {ran.code}) has no {rule}:\n{ran.out}{ran.err}")
    without_number = re.sub(r"^  \d+ +", "  ", block)
    return Shown(rule, checkout.normalized(typed(arguments)), checkout.normalized(without_number))


def passes(checkout: Checkout, *arguments: str, **variables: str) -> Ran:
    """What a command that passes prints. Raises NotStopped where it does not pass."""
    ran = checkout.run(*arguments, **variables)
    if ran.code != 0:
        raise NotStopped(f"`{typed(arguments)}` (exit code {ran.code}) should pass:\n{ran.out}{ran.err}")
    return ran


def lines_of(checkout: Checkout, ran: Ran, *patterns: str) -> str:
    """The first line with each of these patterns. Raises NotStopped where there is none."""
    found = []
    for pattern in patterns:
        line = next((line for line in ran.out.splitlines() if re.search(pattern, line)), None)
        if line is None:
            raise NotStopped(f"no line has {pattern!r}:\n{ran.out}{ran.err}")
        found.append(line)
    return checkout.normalized("\n".join(found))


def typed(arguments: tuple[str, ...]) -> str:
    """The command line."""
    return f"omni-release {' '.join(arguments)}"


def versions(checkout: Checkout) -> tuple[Shown, ...]:
    """The version differs in three places."""
    checkout.replace("pyproject.toml", ('version = "0.9.0"', 'version = "1.1.0"'))
    checkout.replace("src/acme_painter/__init__.py", ("\n\nfrom", '\n\n__version__ = "1.0.11"\n\nfrom'))
    entry = '[[package]]\nname = "acme-painter"\nversion = "1.0.11"\nsource = { editable = "." }\n'
    checkout.write("uv.lock", f'version = 1\nrequires-python = ">=3.11"\n\n{entry}')
    check = ("gate", "--only", "versions-agree")
    shown = [stopped(checkout, f"versions-agree/{rule}", *check) for rule in ("version-drift", "stale-version")]
    synced = passes(checkout, "version", "sync")
    checkout.push()
    passes(checkout, *check)
    fixed = f"`omni-release version sync` writes {', '.join(synced.out.split(chr(10), 2)[:2])}"
    return (shown[0], replace(shown[1], fix=fixed))


def retired_models(checkout: Checkout) -> tuple[Shown, ...]:
    """The package asks for models that are shut down: the service answers 404."""
    shown = stopped(checkout, "retired-models/model-shut-down", "gate", "--only", "retired-models")
    for path in (".env.example", "src/acme_painter/config.py", "web/src/components/HistoryList.vue"):
        checkout.replace(path, ("gemini-3-pro-image-preview", "gemini-3-pro-image"))
    checkout.replace("web/src/api.ts", ("gemini-2.5-flash-image-preview", "gemini-3.1-flash-image"))
    checkout.replace("src/acme_painter/titles.py", ("gemini-2.0-flash-lite", "gemini-3.1-flash-lite"))
    passes(checkout, "gate", "--only", "retired-models")
    return (replace(shown, fix="the five places name the successors."), _unknown_model(checkout))


def _unknown_model(checkout: Checkout) -> Shown:
    """A name that no list has yet: only a call shows that it does not exist."""
    checkout.replace("src/acme_painter/config.py", ("gemini-3-pro-image", "gemini-3-pro-imago"))
    with GeminiEmulator() as service:
        called = {"GOOGLE_GEMINI_BASE_URL": service.url, "GEMINI_API_KEY": "a-key-of-the-emulator"}
        shown = stopped(checkout, "models-respond/model-does-not-answer", "models", "check", **called)
        checkout.replace("src/acme_painter/config.py", ("gemini-3-pro-imago", "gemini-3-pro-image"))
        passes(checkout, "models", "check", **called)
    return replace(shown, fix="the name is corrected; the emulated service answers each model that the project names.")


def signatures(checkout: Checkout) -> tuple[Shown, ...]:
    """Bytes of the service are kept in fields for text: in generate, and in refine, where the first fix missed them."""
    pattern = stopped(checkout, "bug-patterns/bytes-as-text", "gate", "--only", "bug-patterns")
    model = stopped(checkout, "response-models/response-model", "rehearse", "--only", "response-models")
    checkout.replace(
        "src/acme_painter/answers.py",
        ("thought_signature: str | None", "thought_signature: bytes | None"),
        ("thought_signature: str\n", "thought_signature: bytes\n"),
    )
    checkout.replace("tests/test_painter.py", ('"c2ln"', 'b"signature"'))
    passes(checkout, "rehearse", "--only", "response-models")
    return (pattern, replace(model, fix="both classes declare the field as `bytes`."))


def silent_errors(checkout: Checkout) -> tuple[Shown, ...]:
    """Errors reach the log or the browser's console: the user clicks, and nothing happens."""
    check = ("gate", "--only", "bug-patterns")
    rules = ("except-only-logs", "catch-is-silent")
    shown = [stopped(checkout, f"bug-patterns/{rule}", *check) for rule in rules]
    shown.append(stopped(checkout, "silent-failures/BLE001", "gate", "--only", "silent-failures"))
    painter = "src/acme_painter/painter.py"
    checkout.replace(
        painter,
        (
            '            logger.error("generate failed: %s", error)\n',
            '            raise PaintingFailed("generate") from error\n',
        ),
        (
            "        except Exception:\n            logger.exception",
            "        except errors.APIError as error:\n            logger.exception",
        ),
        (
            '("refine failed")\n            return None\n',
            '("refine failed")\n            raise PaintingFailed("refine") from error\n',
        ),
        ("        except Exception as error:\n", "        except errors.APIError as error:\n"),
        (
            "logger = logging",
            'class PaintingFailed(Exception):\n    """The service has not painted."""\n\n\nlogger = logging',
        ),
        ("from acme_painter.answers", "from google.genai import errors\n\nfrom acme_painter.answers"),
    )
    checkout.replace(
        "web/src/components/PaintBox.vue",
        (
            '    loading.value = false;\n  } catch (error) {\n    console.error("generate failed", error);\n',
            "  } catch (error) {\n    problem.value = String(error);\n  } finally {\n    loading.value = false;\n",
        ),
        ("  } catch {}\n", "  } catch (error) {\n    problem.value = String(error);\n  }\n"),
        ("const loading = ref(false);\n", 'const loading = ref(false);\nconst problem = ref("");\n'),
        ("<template>\n", '<template>\n  <p v-if="problem" role="alert">{{ problem }}</p>\n'),
    )
    checkout.replace(
        "web/src/components/HistoryList.vue",
        ("      console.log(error);\n", "      this.problem = String(error);\n"),
        ("pictures: [], ", 'pictures: [], problem: "", '),
        ("<template>\n", '<template>\n  <p v-if="problem" role="alert">{{ problem }}</p>\n'),
    )
    passes(checkout, *check)
    passes(checkout, "gate", "--only", "silent-failures")
    return (*shown[:-1], replace(shown[-1], fix="the methods raise an error of the package; the components show it."))


def typescript(checkout: Checkout) -> tuple[Shown, ...]:
    """The front end does not compile; its build is a command of the gate."""
    checkout.install_typescript()
    checkout.replace("web/package.json", ("vue-tsc --noEmit && vite build", "tsc --noEmit --target es2020 src/api.ts"))
    settings = '[[tool.omni-release.command]]\nname = "front-end"\nrun = "npm run --silent build"\ncwd = "web"\n'
    checkout.replace(
        "pyproject.toml", ('image-fallback-model = "none"\n', f'image-fallback-model = "none"\n\n{settings}')
    )
    checkout.replace("web/src/api.ts", ("  url: string;", "  url: string\n  size: string = 3;"))
    shown = stopped(checkout, "command-front-end/command", "gate", "--only", "command-front-end")
    checkout.replace("web/src/api.ts", ("  size: string = 3;", "  size?: string;"))
    passes(checkout, "gate", "--only", "command-front-end")
    return (replace(shown, fix="the type is corrected, and the build passes."),)


def abandoned(checkout: Checkout) -> tuple[Shown, ...]:
    """An abandoned package is imported."""
    check = ("gate", "--only", "abandoned-packages")
    shown = stopped(checkout, "abandoned-packages/deprecated-import", *check)
    checkout.replace(
        "src/acme_painter/titles.py",
        ("import google.generativeai as genai\n", "from google import genai\n"),
        ("    return genai", '    client = genai.Client(http_options={"timeout": 90_000})\n    return genai'),
        (
            'genai.GenerativeModel("gemini-3.1-flash-lite").generate_content(f"A title for: {prompt}").text',
            'client.models.generate_content(model="gemini-3.1-flash-lite", contents=f"A title for: {prompt}").text',
        ),
    )
    passes(checkout, *check)
    return (replace(shown, fix="the module uses google-genai."),)


def undeclared(checkout: Checkout) -> tuple[Shown, ...]:
    """A package is imported that is not among the dependencies."""
    check = ("gate", "--only", "imports-declared")
    checkout.replace("pyproject.toml", ('"google-genai>=3.4,<4", ', ""))
    shown = stopped(checkout, "imports-declared/undeclared", *check)
    checkout.replace("pyproject.toml", ('"pydantic>=2"', '"google-genai>=3.4,<4", "pillow>=11", "pydantic>=2"'))
    passes(checkout, *check)
    return (replace(shown, fix="both packages are declared."),)


def hollow(checkout: Checkout) -> tuple[Shown, ...]:
    """The wheel that is built from the sdist has no module; the one that is built from the checkout has them all."""
    wheel = "[tool.hatch.build.targets.wheel]\n"
    checkout.replace("pyproject.toml", (wheel, f'[tool.hatch.build]\nsources = ["src"]\n\n{wheel}'))
    shown = stopped(checkout, "distributions-match/hollow-wheel", "inspect")
    checkout.replace("pyproject.toml", ('[tool.hatch.build]\nsources = ["src"]\n\n', ""))
    passes(checkout, "inspect")
    return (replace(shown, fix="`sources` is removed, and the wheel has its modules."),)


SOURCE: Mapping[str, Callable[[Checkout], tuple[Shown, ...]]] = {
    "versions": versions,
    "models": retired_models,
    "signatures": signatures,
    "silent": silent_errors,
    "typescript": typescript,
    "abandoned": abandoned,
    "undeclared": undeclared,
    "hollow": hollow,
}
"""The failures of the source, by their key in `failures.FAILURES`, in the order in which they are replayed."""
