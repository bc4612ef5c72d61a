# another one
