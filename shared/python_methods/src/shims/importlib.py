"""The parts of `importlib.machinery` that the standard library names: there are no files to import from."""

SOURCE_SUFFIXES = [".py"]
DEBUG_BYTECODE_SUFFIXES = OPTIMIZED_BYTECODE_SUFFIXES = BYTECODE_SUFFIXES = EXTENSION_SUFFIXES = []


def all_suffixes():
    """Return the endings of module files."""
    return list(SOURCE_SUFFIXES)
