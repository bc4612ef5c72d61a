"""What a model's name looks like, by vendor: patterns for the bytes of a file."""

from __future__ import annotations

import re

_P = r"(?:\d+(?:\.\d+)?[a-z]?|[a-z][a-z0-9]*)"

_FAMILIES = {
    "google": rf"gemini-\d{{1,2}}(?:\.\d)?-(?:ultra|pro|flash|nano|live|transcribe|argon|carbon|hydrogen|neon|computer"
    rf"|deep)(?:-{_P})*"
    rf"|gemini-(?:nano-banana|embedding|omni|robotics-er|live|exp)(?=[a-z0-9.-]*(?:\d|-exp|-preview))-(?:{_P}-)*{_P}"
    rf"|gemini-embedding-exp|gemini-(?:pro|flash|flash-lite)-latest|gemini-(?:pro|ultra)(?:-vision)?"
    rf"|nano-banana-(?:{_P}-)*preview|imagen-\d\.\d(?:-(?:fast|ultra|capability))?-(?:generate|001)(?:-{_P})*"
    rf"|veo-\d\.\d-(?:{_P}-)*(?:generate|lite|fast)(?:-{_P})*|lyria-(?:\d(?:\.\d)?|realtime)(?:-{_P})*"
    rf"|text-(?:multilingual-)?embedding-\d{{3}}|embedding-(?:gecko-)?\d{{3}}|embedding-\d-preview"
    rf"|textembedding-gecko(?:-multilingual)?@\d{{3}}|multimodalembedding@\d{{3}}"
    rf"|deep-research-(?:(?:pro|max)-)?preview-\d\d-\d{{4}}|antigravity-preview-\d\d-\d{{4}}"
    rf"|learnlm-\d(?:\.\d)?-{_P}(?:-{_P})*|gemma-\d-(?:{_P}-)*it|(?:text|chat|code)-(?:bison|gecko|unicorn)(?:@\d{{3}})?",
    "openai": r"gpt-(?:3\.5|4|4o|4\.1|4\.5|[5-9](?:\.\d)?)(?:-(?:turbo|mini|nano|pro|codex|chat|search|audio|realtime"
    r"|transcribe|tts|vision|preview|cyber|sol|luna|terra|astra|rosalind|law|max|latest|instruct|16k|32k|api|diarize"
    r"|\d{4}(?:-\d\d-\d\d)?))*"
    r"|gpt-image-\d(?:\.\d)?(?:-(?:mini|flare|sunburst|\d{4}-\d\d-\d\d))*|chatgpt-(?:4o|image)-latest"
    r"|gpt-(?:realtime|audio)(?:-(?:mini|whisper|translate|\d(?:\.\d)?|\d{4}-\d\d-\d\d))*|gpt-live-(?:\d|transcribe)"
    r"|gpt-transcribe|gpt-daybreak-(?:blue|red)-latest|gpt-rosalind-(?:research|discovery)|chat-latest"
    r"|o[134](?:-(?:mini|pro|preview|deep-research|\d{4}-\d\d-\d\d))+|codex-mini-latest"
    r"|computer-use-preview(?:-\d{4}-\d\d-\d\d)?|dall-e-[23]|sora-2(?:-(?:pro|\d{4}-\d\d-\d\d))*"
    r"|tts-1(?:-(?:hd|1106))*|whisper-1|omni-moderation-(?:latest|\d{4}-\d\d-\d\d)"
    r"|text-moderation-(?:latest|stable|\d{3})|text-embedding-(?:3-(?:small|large)|ada-002(?:-v2)?)"
    r"|(?:babbage|davinci)-002|(?:text|code)-(?:ada|babbage|curie|davinci|cushman)(?:-edit)?-\d{3}"
    r"|text-(?:similarity|search)-(?:ada|babbage|curie|davinci)(?:-(?:doc|query))?-001"
    r"|code-search-(?:ada|babbage)-(?:code|text)-001",
    "anthropic": r"(?:claude-(?:opus|sonnet|haiku|fable|mythos)-(?:\d{1,2}(?:[-.]\d{1,2})?(?:[-@]\d{8})?|preview)"
    r"(?:-latest)?|claude-3(?:[-.][57])?-(?:opus|sonnet|haiku)(?:(?:-v2)?[-@]\d{8}|-latest)?"
    r"|claude-(?:instant-)?[12](?:\.\d)?)(?:@default|\[1m\])?",
    "xai": rf"grok-[2-9](?:[.-]\d{{1,2}})?(?:-(?:fast|mini|vision|image|beta|reasoning|non|multi|agent|experimental"
    rf"|latest|\d{{4}}))*|grok-(?:code-fast|build|imagine|voice|vision|beta)(?:-{_P})*",
    "mistral": rf"(?:open-)?(?:mistral|mixtral|codestral|devstral|magistral|ministral|pixtral|voxtral)-(?:{_P}-)*"
    rf"(?:\d{{4}}|latest|embed|7b|8x7b|8x22b|nemo|mamba|\d-\d|nemo-\d{{4}})|mistral-(?:tiny|small|medium|large|embed)"
    rf"|labs-(?:(?:mistral|devstral|leanstral|codestral|magistral)-)(?:{_P}-)*{_P}|codestral-embed|zai-glm-\d(?:[.-]\d)?",
    "cohere": rf"command-(?:a|r|r7b|r-plus|light|nightly)(?:-(?:plus|reasoning|vision|translate|\d\d-\d{{4}}))*"
    rf"|embed-(?:(?:english|multilingual)(?:-light)?-)?v\d\.\d(?:-{_P})*"
    rf"|rerank-(?:(?:english|multilingual)-)?v\d\.\d(?:-{_P})*|c4ai-aya-(?:expanse|vision)-\d+b",
    "deepseek": r"deepseek-(?:chat|reasoner|coder|flash)"
    r"|deepseek-[vr]\d(?:[.-]\d)?(?:-(?:flash|pro|vision|exp|\d{4}))*",
    "black-forest-labs": r"flux-(?:dev|schnell|pro)(?:-\d\.\d)?(?:-(?:ultra|fill|expand|raw))*"
    r"|flux-kontext-(?:pro|max|dev)"
    r"|flux[.-]2-(?:pro|flex|dev|max|klein)|FLUX[.-]1(?:\.1)?-(?:pro|dev|schnell|Kontext-pro)|FLUX\.2-(?:pro|flex|dev)",
    "stability": r"sd3(?:\.5)?-(?:large(?:-turbo)?|medium|flash)|stable-image-(?:ultra|core)",
    "microsoft": r"MAI-Image-\d(?:\.\d)?(?:-(?:Flash|Pro))?",
    "bedrock": r"(?:(?:us|eu|apac|au|jp|ca|global|us-gov)\.)?"
    r"(?:anthropic\.claude|amazon\.(?:nova|titan|rerank)|meta\.llama"
    r"|(?:mistral|cohere|ai21|deepseek|stability|twelvelabs|qwen|minimax|moonshot(?:ai)?|zai)\.[a-z]|google\.gemma"
    r"|nvidia\.nemotron|openai\.gpt)(?=[a-z0-9.-]*\d)(?=[a-z0-9.]*-)[a-z0-9.-]*(?::\d+(?::\d+k)?)?",
}

_END = r"(?![A-Za-z0-9_-]|\.[A-Za-z0-9])"

NAME = re.compile(f"(?:{'|'.join(_FAMILIES.values())}){_END}".encode())
"""A name, at the start of a word."""

GENERIC = re.compile(
    rf"(?:gemini-\d{{1,2}}(?:\.\d{{1,2}})?(?:-{_P})+|imagen-\d(?:\.\d)?(?:-{_P})+|veo-\d(?:\.\d)?(?:-{_P})+"
    rf"|gpt-(?:[4-9]|\d\d)(?:\.\d{{1,2}})?[a-z]?(?:-{_P})*|gpt-image-\d(?:\.\d)?(?:-{_P})*"
    rf"|claude-[a-z]+-\d{{1,2}}(?:[.-]\d{{1,2}})?(?:-{_P})*|claude-[3-9](?:[.-]\d)?-[a-z]+(?:-{_P})*"
    rf"|grok-(?:[2-9]|\d\d)(?:[.-]\d{{1,2}})?(?:-{_P})*|deepseek-[vr]\d(?:[.-]\d)?(?:-{_P})*){_END}".encode()
)
"""A name of a family that exists, with a word that no name has had: a name only where it is quoted or a value."""

_NO_NAMES = (
    "agent agents api app apps artifacts assistant backup badge bench benchmark benchmarks blog bot bots cache "
    "cassette cassettes changes chatbot cli client clone code comparison config cookbook core course dashboard "
    "data dataset datasets desktop demo dev docs engineer eval evals example examples extension fork free "
    "generator guide hackathon high integration integrations key keys launch leaderboard lib library limits local "
    "log logs low mem migration news notes ocr output outputs paper pilot playground plugin plugins pricing prompt "
    "prompts proxy py python pytorch quickstart release repo report researcher results review reviews router "
    "sample samples script scripts sdk server service settings skill skills starter suite support system team "
    "template templates test tests tokenizer tool toolkit tools training translator tutorial ui unlocked usage "
    "users utils voyager vs web webui wrapper"
)
_NO_LAST_PARTS = frozenset(_NO_NAMES.split())
_NAMES_WITH_SUCH_A_LAST_PART = ("-search-api", "-deep-research", "-ocr")


def is_other_word(name: str) -> bool:
    """Whether a word of this form is something else by its last part: a package, a page, a tool."""
    parts = name.split("-")
    if parts[0] in ("gemini", "gpt", "claude", "grok", "veo", "imagen") and not name.endswith(
        _NAMES_WITH_SUCH_A_LAST_PART
    ):
        return not _NO_LAST_PARTS.isdisjoint((parts[-1], parts[1] if parts[0] == "claude" else ""))
    return False


WEAK = re.compile(
    r"gemini-(?:pro|ultra)(?:-vision)?|chat-latest|computer-use-preview|command-(?:a|r|light)|gpt-(?:4|5|6)"
    r"|mistral-(?:tiny|small|medium|large|embed)|flux-(?:dev|pro|schnell)|sora-2|tts-1|claude-[12]|stable-image-core"
    r"|deepseek-(?:chat|flash|coder)|(?:text|chat|code)-(?:bison|gecko|unicorn)"
)
"""Names that are words of prose and of other things as well: names only where they are quoted or a value."""

# fmt: off
HEADS = (
    b"gemini", b"nano-banana", b"imagen-", b"veo-", b"lyria-", b"embedding", b"deep-research", b"antigravity-",
    b"learnlm-", b"gemma-", b"-bison", b"-gecko", b"-unicorn", b"gpt-", b"chat-latest", b"o1-", b"o3-", b"o4-",
    b"codex-mini", b"computer-use", b"dall-e-", b"sora-2", b"tts-1", b"whisper-1", b"moderation-", b"babbage-",
    b"davinci-", b"-ada-", b"-babbage", b"-curie", b"-davinci", b"-cushman", b"claude", b"grok-", b"tral-",
    b"zai-glm", b"command-", b"embed-v", b"embed-en", b"embed-mu", b"rerank-", b"aya-", b"deepseek", b"flux",
    b"FLUX", b"sd3", b"stable-image", b"MAI-Image", b"amazon.", b"meta.llama", b"mistral.", b"cohere.", b"ai21.",
    b"stability.", b"twelvelabs.", b"qwen.", b"minimax.", b"moonshot", b"nvidia.nemotron", b"zai.",
)
# fmt: on
"""Texts of which each name has one."""

COMPUTED = re.compile(rf"(?:gemini|imagen|gpt|veo)-(?:{_P}-)*(?:{_P})?(?=\$?\{{[^}}]|%[s(])".encode())
"""The start of a name that is built at run time."""

_BARE = rb"(o[134]|sora|whisper|veo|flux|ada|davinci|command|imagetext)(?![A-Za-z0-9_.\-/])"
_VALUE = rb"(?:_?(?:id|name|ID|NAME|Id|Name))?[\"']?\]?\s*(?:=>|:\s*[\w.\[\] |]+=|[:=](?![=:]))\s*[\"'`]?"
KEYED = tuple(
    re.compile(head + _VALUE + _BARE) for head in (b"odel", b"ODEL", b"ngine", b"NGINE", b"eployment", b"EPLOYMENT")
)
"""Words that are names only as the value of a key that names a model. Each begins with a literal, which is fast."""

PREFIXED = (
    *(re.compile(head + rb"[/:](o[134])(?![A-Za-z0-9_.\-/])") for head in (b"openai", b"azure")),
    re.compile(rb"--model[= ]" + _BARE),
)

KEY_BEFORE = re.compile(
    rb"(?:odel|ODEL|ngine|NGINE|eployment|EPLOYMENT|llm|LLM)(?:_?(?:id|name|ID|NAME|Id|Name))?[\"']?\]?\s*"
    rb"(?:=>|:\s*[\w.\[\] |]+=|[:=]|\s--?\w+[ =])\s*[\"'`]?(?:[\w.~-]+[/:])*$"
)
"""The text in front of the value of a key that names a model."""
