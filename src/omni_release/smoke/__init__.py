"""What is proved against the service: scenarios, recorded and live.

Cheap to import: pytest loads `plugin` in every project where omni-release is installed.
"""
