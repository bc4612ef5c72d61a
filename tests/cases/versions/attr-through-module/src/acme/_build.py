VERSION = "11.2.0.dev0"
