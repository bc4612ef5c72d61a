"""Acme.

.. deprecated:: 1.2.3
"""

__version__ = "1.2.3"  # kept in step
API_VERSION = "1.2.3"
