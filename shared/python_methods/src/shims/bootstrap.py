"""Loads models and calls their methods. The worker calls `load` once, and `call` for each method and event."""

import ast
import builtins
import json
import sys

import _frozen_importlib
import _thread

import _guard

# The modules of the standard library that methods may import: none of them reaches outside the process.
ALLOWED = {
    "__future__", "_guard", "abc", "array", "ast", "base64", "binascii", "bisect", "builtins", "calendar", "cmath",
    "collections", "contextlib", "copy", "csv", "dataclasses", "datetime", "decimal", "difflib", "enum", "fnmatch",
    "fractions", "functools", "hashlib", "heapq", "hmac", "html", "inspect", "io", "ipaddress", "itertools", "json",
    "keyword", "logging", "math", "numbers", "operator", "os", "posixpath", "pprint", "random", "re", "reprlib",
    "secrets", "statistics", "string", "struct", "sys", "textwrap", "time", "traceback", "types", "typing",
    "unicodedata", "urllib", "uuid", "warnings", "weakref",
}
# Packages that helpers name at their top and use in functions that models do not call.
ABSENT = ("boto3", "botocore", "dateutil", "requests", "panther_analysis_tool", "panther_sdk", "pytz", "six", "yaml")
# Modules of the interpreter that nobody needs here.
HIDDEN = {"_ctypes", "ctypes", "_thread_start", "marshal", "faulthandler", "pickle", "gc", "code", "pdb"}
# Modules of this program that only the standard library imports.
LIBRARY_ONLY = {"importlib", "linecache"}

shims = {}
sources = {}
functions = []


class Refused(Exception):
    """A file cannot be loaded: its path, the line and the reason."""

    def __init__(self, path, line, reason):
        super().__init__(path, line, reason)


class Discard:
    """A stream that takes everything and keeps nothing: what methods print."""

    encoding, errors, newlines = "utf-8", "strict", None

    def write(self, text):
        return len(text)

    def writelines(self, lines):
        for _ in lines:
            pass

    def flush(self):
        pass

    def isatty(self):
        return False


class Loader:
    """Runs the source of a module."""

    def __init__(self, path, source, is_trusted):
        self.path, self.source, self.is_trusted = path, source, is_trusted

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        module.__file__ = self.path
        exec(compiled(self.path, self.source, self.is_trusted), module.__dict__)


class Finder:
    """Finds the modules of this program, and those of the models' folders."""

    def __init__(self, modules, is_trusted):
        self.modules, self.is_trusted = modules, is_trusted

    def find_spec(self, name, path=None, target=None):
        if name in HIDDEN and self.is_trusted:
            raise ModuleNotFoundError(f"{name} is not available to methods", name=name)
        if name not in self.modules:
            return None
        is_package = any(other.startswith(name + ".") for other in self.modules)
        loader = Loader(*self.modules[name], self.is_trusted)
        return _frozen_importlib.ModuleSpec(name, loader, is_package=is_package)


def compiled(path, source, is_trusted):
    """Compile a source. What it imports, also within functions, must be there."""
    try:
        tree = ast.parse(source, path)
        if not is_trusted:
            check_imports(path, tree)
        return compile(source, path, "exec")
    except SyntaxError as error:
        raise Refused(path, error.lineno or 0, f"the syntax is not supported: {error.msg}") from None


def check_imports(path, tree):
    """Refuse a source that imports what is not there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [] if node.level else [node.module]
        else:
            continue
        for name in names:
            if not is_allowed(name):
                raise Refused(path, node.lineno, f"import of {name}, which is not available to methods")


def is_allowed(name):
    top = name.partition(".")[0]
    if top in LIBRARY_ONLY:
        return False
    return top in ALLOWED or top in shims or name in sources or top in sources


original_import = builtins.__import__


def guarded_import(name, globals=None, locals=None, fromlist=(), level=0):
    """Import a module. Only the standard library itself imports what is not on the list."""
    caller = (globals or {}).get("__name__")
    is_library = caller in sys.modules and caller not in sources and caller != "__main__"
    if level == 0 and not is_library and not is_allowed(name):
        raise _guard.NotAvailable(f"import of {name} is not available to methods")
    return original_import(name, globals, locals, fromlist, level)


def refuse(what):
    def refused(*arguments, **options):
        raise _guard.NotAvailable(f"{what} is not available to methods")

    return refused


def prepare(own, absent):
    """Install this program's modules, given as a dict of path and source, before any of a model is run."""
    shims.update({name: tuple(module) for name, module in own.items()})
    shims.update({name: (name, absent) for name in ABSENT})
    sys.meta_path.insert(0, Finder(shims, True))
    sys.meta_path.append(Finder(sources, False))
    import events

    package = type(sys)("panther_core")
    for name in ("immutable", "enriched_event"):
        module = type(sys)("panther_core." + name)
        module.__dict__.update({key: value for key, value in vars(events).items() if not key.startswith("__")})
        setattr(package, name, module)
        sys.modules[module.__name__] = module
    package.PantherEvent = events.PantherEvent
    package.__path__ = []
    sys.modules["panther_core"] = package
    shims["panther_core"] = ("panther_core", "")
    # A thread would run on when its call has ended.
    for name in ("start_new", "start_new_thread", "start_joinable_thread"):
        if hasattr(_thread, name):
            setattr(_thread, name, refuse("a thread"))
    # Standard output is the pipe to the process that asks.
    sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = Discard()
    builtins.open = refuse("open")
    builtins.input = refuse("input")
    builtins.breakpoint = refuse("breakpoint")
    builtins.__import__ = guarded_import
    for name in ("exit", "quit"):
        if hasattr(builtins, name):
            delattr(builtins, name)


def load(request):
    """Load helpers and models, and return the faults as a list of path, line and reason."""
    request = json.loads(request)
    sources.update({name: tuple(module) for name, module in request["helpers"].items()})
    return json.dumps([fault for model in request["models"] for fault in load_model(model)])


def load_model(model):
    path, names = model["path"], model["methods"]
    found = dict.fromkeys(names)
    functions.append(found)
    module = type(sys)(model["id"])
    module.__file__ = path
    sources[model["id"]] = (path, model["source"])
    try:
        exec(compiled(path, model["source"], False), module.__dict__)
    except Refused as refused:
        return [list(refused.args)]
    except BaseException as error:
        return [[path, line_of(error, path), "loading fails: " + described(error)]]
    missing = [name for name in names if not hasattr(module, name)]
    found.update({name: getattr(module, name, None) for name in names})
    return [[path, 0, f"there is no function {name}, which {model['specification']} names"] for name in missing]


def line_of(error, path):
    """Return the last line of a file that an error passed, or 0."""
    line = 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def described(error):
    if isinstance(error, Refused):
        path, line, reason = error.args
        return f"{path}:{line}: {reason}"
    return f"{type(error).__name__}: {error}"


last_event = None


def call(model, method, event):
    """Call a method, and return `+` with its result as JSON, or `-` with the error.

    Without an event, it is that of the last call.
    """
    global last_event
    import events

    if event is not None:
        last_event = json.loads(event)
    function = functions[model][method]
    if not callable(function):
        return "+null"
    try:
        result = function(events.ImmutableCaseInsensitiveDict(last_event))
        return "+" + json.dumps(result, default=events.json_encoder, allow_nan=False)
    except BaseException as error:
        return "-" + described(error)
