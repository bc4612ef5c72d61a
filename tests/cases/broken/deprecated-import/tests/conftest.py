# Stands in for a third party's deprecated package: a module outside the project that warns when it is imported.
import pathlib
import sysconfig

target = pathlib.Path(sysconfig.get_path("purelib"), "acme_legacy.py")
target.write_text(
    "import warnings\n"
    "warnings.warn('acme_legacy is deprecated: use acme_new', FutureWarning)\n"
    "def double(number):\n    return 2 * number\n"
)
