version = '1.7'
release = '1.7'
