"""The parts of `importlib.machinery` that the standard library refers to. No module is imported from a file."""

SOURCE_SUFFIXES = [".py"]
DEBUG_BYTECODE_SUFFIXES = OPTIMIZED_BYTECODE_SUFFIXES = BYTECODE_SUFFIXES = EXTENSION_SUFFIXES = []


def all_suffixes():
    """Return the endings of module files."""
    return list(SOURCE_SUFFIXES)
