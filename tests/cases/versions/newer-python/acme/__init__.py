type Name = str
__version__ = "1.2.3"

def f[T](x: T) -> T:
    return x
