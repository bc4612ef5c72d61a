import subprocess
import sys


def test_double():
    code = "import acme_child; print(acme_child.double(21))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "42\n"
