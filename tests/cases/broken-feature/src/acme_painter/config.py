"""What the painter is set to."""

MODEL = "gemini-3-pro-image-preview"
ASPECT_RATIOS = ("1:1", "16:9", "9:16")
