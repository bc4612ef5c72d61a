import http.client
import urllib.request

import httpx
import openai
from google import genai
from google.genai import types

client = genai.Client(http_options=types.HttpOptions(timeout=90_000))  # good
client = genai.Client(http_options={"timeout": 90_000})  # good
client = genai.Client(http_options=options)  # good
client = genai.Client(**options)  # good
client = genai.Client(http_options=types.HttpOptions(httpx_client=httpx.Client(timeout=90)))  # good
body = urllib.request.urlopen("https://example.org/", timeout=30).read()  # good
body = urllib.request.urlopen(request, None, 30).read()  # good
connection = http.client.HTTPSConnection("example.org", timeout=30)  # good
client = openai.OpenAI()  # good
answer = httpx.get("https://example.org/")  # good
request = HTTPConnection(scope)  # good
aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=600)  # good


def in_a_browser(url):
    """Where pyodide has put the browser's own fetch below urllib."""
    return urllib.request.urlopen(url)  # good
