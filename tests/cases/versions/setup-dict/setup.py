from distutils.core import setup
setup_dict = dict(
name='acme',
version='1.7',
packages=['acme'],
)
setup(**setup_dict)
