import http.client
import urllib.request
from urllib.request import urlopen

import openai
from google import genai
from google.genai import types

client = genai.Client(api_key=KEY)  # bad
client = genai.Client(http_options=types.HttpOptions(api_version="v1"))  # bad
client = genai.Client(http_options={"api_version": "v1"})  # bad
body = urllib.request.urlopen("https://example.org/").read()  # bad
body = urlopen(request, data).read()  # bad
connection = http.client.HTTPSConnection("example.org")  # bad
client = openai.OpenAI(timeout=None)  # meant
