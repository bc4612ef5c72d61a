import os
import subprocess
import sys

subprocess.run(["twine", "upload", "dist/*"], check=True)  # bad
subprocess.check_call([sys.executable, "-m", "twine", "upload", *files])  # bad
session.run("uv", "publish")  # bad
os.system("poetry publish --build")  # bad
