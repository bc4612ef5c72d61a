version = '2.0'
try:
    import acme
except ImportError:
    release = version
else:
    release = acme.__version__.split()[0]
    version = '.'.join(release.split('.')[:2])
