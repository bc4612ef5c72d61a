_version_major = 1
_version_minor = 2
_version_micro = 3
_version_extra = ""
__version__ = f"{_version_major}.{_version_minor}.{_version_micro}{_version_extra}"
