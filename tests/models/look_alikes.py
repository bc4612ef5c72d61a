"""Words that look like the names of models and are none."""

_WORDS = """
gemini-cli gemini-api gemini-web2api gemini-code-assist gemini-enterprise-agent-platform claude-code
claude-agent-sdk claude-desktop claude-mem gpt-engineer gpt-researcher gpt-pilot gpt-tokenizer gpt4all
imagen-pytorch dall-e-2-pytorch mistral-common mistral-inference deepseek-ai flux-system flux-operator
gemini-voyager gpt-author claude-dev claude-engineer whisper-cpp whisper.cpp stable-diffusion-webui
openai-node text-embedding-inference gemini-2-migration-guide gpt-4-clone gpt-3.5-turbo-demo gpt-4-unlocked
gemini-2.5-flash-client claude-3-artifacts davinci-resolve rerank-js command-line command-runner imagen-go-sdk
gpt-2 gpt-j-6b gpt-neo gpt-neox-20b gpt-oss-20b whisper-large-v3 deepseek-coder-6.7b-instruct grok-1
openai/whisper google/flan-t5-base meta-llama/Llama-3-8b bert-base-uncased gpt2-medium
claude-sonnet-4-5.json my-gpt-4o-app openai.chat.completions google.cloud.storage us-east-1.amazonaws.com
chat-gpt-4-clone gemini-ultrasound gemini-pro-badge gemini-2.5 claude-3 gpt-4o_backup sd3-card embed-video
amazon.com cohere.ai mistral.ai meta.yaml o1-visa o3-compiler sora-editor tts-engine veo-player
o1 o3 o4 sora whisper veo flux ada davinci command
gemini-3.8-flash-high gemini-2.5-flash-nothinking
"""
"""Packages, tools, open weights, files, modules, hosts, parts of words; words that are names only as values."""

LOOK_ALIKES = tuple(_WORDS.split())
