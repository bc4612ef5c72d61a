release = "1.39.0"
