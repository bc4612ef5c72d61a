import shutil
from shutil import rmtree

shutil.rmtree("dist", ignore_errors=True)  # bad
shutil.rmtree(ROOT / "dist")  # bad
rmtree(path="./dist/")  # bad
