"""Bug patterns as rule files, found in all places at once by ast-grep: once mended, none may come back."""
