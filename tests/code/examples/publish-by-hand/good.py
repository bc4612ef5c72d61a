subprocess.run(["twine", "check", "--strict", "dist/x.whl"], check=True)  # good
subprocess.run(["uv", "publish", "--dry-run"], check=True)  # good
queue.publish("upload")  # good
session.run("omni-release", "publish")  # good
