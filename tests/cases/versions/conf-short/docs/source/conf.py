version = '1.35.'
release = '1.35.1'
