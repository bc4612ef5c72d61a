"""Report → text, JSON, JUnit, annotations: pure functions."""
