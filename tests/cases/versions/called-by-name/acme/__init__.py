__version__ = '0.23'
__version_info__ = VersionInfo(
    major=0,
    minor=23,
    micro=0,
    releaselevel='final',  # one of 'alpha'
    serial=0,
    release=True,
)
