"""Loads models and calls their methods. The worker calls `begin` once, `load` for each model, and then `call`."""

import ast
import builtins
import json
import re
import sys

import _frozen_importlib
import _thread

import _corrections
import _guard
import _reach

# The modules of the standard library that methods may import. None of them can reach outside the process.
ALLOWED = {
    "__future__", "_guard", "abc", "array", "ast", "base64", "binascii", "bisect", "builtins", "calendar", "cmath",
    "codecs", "collections", "contextlib", "copy", "csv", "dataclasses", "datetime", "decimal", "difflib", "enum", "fnmatch",
    "fractions", "functools", "graphlib", "hashlib", "heapq", "hmac", "html", "inspect", "io", "ipaddress", "itertools", "json",
    "keyword", "logging", "math", "ntpath", "numbers", "operator", "os", "posixpath", "pprint", "random", "re", "reprlib",
    "secrets", "shlex", "statistics", "string", "struct", "sys", "textwrap", "time", "traceback", "types", "typing",
    "unicodedata", "urllib", "uuid", "warnings", "weakref",
}
# Packages that many helpers import, but use only in functions that models do not call.
ABSENT = ("boto3", "botocore", "dateutil", "requests", "panther_analysis_tool", "panther_sdk", "pytz", "six", "yaml")
# Modules of the interpreter that methods do not need, and that even the standard library may not import.
HIDDEN = {"_ctypes", "ctypes", "_thread_start", "marshal", "faulthandler", "pickle", "gc", "code", "pdb"}
# Modules that the interpreter imports by itself while it runs other code.
INTERNAL = {"encodings", "_pycodecs", "_strptime", "stringprep"}
# Modules of this program that only the standard library may import.
LIBRARY_ONLY = {"importlib", "linecache"}

shims = {}
sources = {}
models = set()
functions = []
trees = {}


class Refused(Exception):
    """Files cannot be loaded. `faults` has the path, the line and the reason of each fault."""

    def __init__(self, faults):
        super().__init__(faults)
        self.faults = faults


class NullStream:
    """A stream that discards what methods print."""

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
    """Compiles and runs the source of a module."""

    def __init__(self, path, source, is_trusted):
        self.path, self.source, self.is_trusted = path, source, is_trusted

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        module.__file__ = self.path
        code = compiled(self.path, self.source, self.is_trusted)
        if not self.is_trusted:
            _guard.loading_helpers += 1
        try:
            exec(code, module.__dict__)
        finally:
            if not self.is_trusted:
                _guard.loading_helpers -= 1


class Finder:
    """Finds the modules of this program, or the helpers of a set of models."""

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


def compiled(path, source, is_trusted, is_model=False):
    """Compile a source. Fail if it imports anything that is not available, even inside a function."""
    try:
        faults = [] if is_trusted else faults_of(parsed_file(path, source), is_model)
        if faults:
            raise Refused(sorted(faults))
        return compile(source, path, "exec")
    except SyntaxError as error:
        raise Refused([[path, error.lineno or 0, f"the syntax is not supported: {error.msg}"]]) from None


def faults_of(source, is_model):
    """Return a fault for each import that is not available and, in a model, for each visible use of such a name."""
    faults = []
    for node in source.nodes:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [] if node.level else [node.module]
        else:
            continue
        for name in names:
            if not is_allowed(name) or (is_model and name.partition(".")[0] in ABSENT and name not in sources):
                faults.append([source.path, node.lineno, f"import of {name}, which is not available to methods"])
    if not is_model:
        return faults
    reach = _reach.Reach(parsed, set(ABSENT) - sources.keys(), {name: sys.modules[name] for name in _reach.PARTIAL})
    reach.visit_all(source)
    lines = {(path, line) for path, line, _ in faults}
    return faults + [fault for fault in reach.faults if (fault[0], fault[1]) not in lines]


def parsed(name):
    """Return the parsed file of a helper, or `None` if no helper has this name or its syntax is wrong."""
    try:
        return parsed_file(*sources[name]) if name in sources else None
    except SyntaxError:
        return None


def parsed_file(path, source):
    if path not in trees:
        trees[path] = _reach.Source(path, ast.parse(source, path))
    return trees[path]


def is_allowed(name):
    top = name.partition(".")[0]
    if name in sources:
        return True
    module, _, part = name.rpartition(".")
    if top in LIBRARY_ONLY or part in _reach.FORBIDDEN.get(module, ()):
        return False
    return top in ALLOWED or top in shims or name in sources or top in sources


original_import = builtins.__import__


def guarded_import(name, globals=None, locals=None, fromlist=(), level=0):
    """Import a module. Only the standard library itself may import modules that are not in `ALLOWED`."""
    caller = (globals or {}).get("__name__")
    is_library = caller in sys.modules and caller not in sources and caller not in models and caller != "__main__"
    # The interpreter imports these in the name of the running code: codecs by their names, and `_strptime`.
    is_library = is_library or name.startswith("encodings.") or name in INTERNAL
    if level == 0 and not is_library and not is_allowed(name):
        raise _guard.NotAvailable(f"import of {name} is not available to methods")
    return original_import(name, globals, locals, fromlist, level)


def refuse(what):
    def refused(*arguments, **options):
        raise _guard.NotAvailable(f"{what} is not available to methods")

    return refused


def prepare(own, spare, absent):
    """Install this program's modules, before any code of a model runs. Both dicts have a path and a source per name.

    The modules in `spare` are used only if the set of models has no helper of that name.
    """
    sources.update({name: tuple(module) for name, module in spare.items()})
    shims.update({name: tuple(module) for name, module in own.items()})
    shims.update({name: (name, absent) for name in ABSENT})
    sys.meta_path.insert(0, Finder(shims, True))
    sys.meta_path.append(Finder(sources, False))
    import events
    import io
    import os

    _corrections.install()

    package = type(sys)("panther_core")
    for kind in vars(events).values():
        if isinstance(kind, type) and kind.__module__ == "events":
            kind.__module__ = "panther_core.enriched_event" if kind is events.PantherEvent else "panther_core.immutable"
    for name in ("immutable", "enriched_event"):
        module = type(sys)("panther_core." + name)
        module.__dict__.update({key: value for key, value in vars(events).items() if not key.startswith("__")})
        setattr(package, name, module)
        sys.modules[module.__name__] = module
    package.PantherEvent = events.PantherEvent
    package.__path__ = []
    sys.modules["panther_core"] = package
    shims["panther_core"] = ("panther_core", "")
    # A thread would still run after the call that started it.
    for name in ("start_new", "start_new_thread", "start_joinable_thread"):
        if hasattr(_thread, name):
            setattr(_thread, name, refuse("a thread"))
    # Standard output is the pipe to the process that started the worker.
    sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = NullStream()
    builtins.open = refuse("open")
    builtins.input = refuse("input")
    builtins.breakpoint = refuse("breakpoint")
    builtins.__import__ = guarded_import
    for name in ("exit", "quit"):
        if hasattr(builtins, name):
            delattr(builtins, name)


requested = []
faults = []


def begin(request):
    """Read a load request, and return the paths of the models' Python files."""
    request = json.loads(request)
    sources.update({name: tuple(module) for name, module in request["helpers"].items()})
    requested.extend(request["models"])
    return json.dumps([model["path"] for model in requested])


def load(number):
    """Load the Python file of the model with this index in the request."""
    faults.extend(load_model(requested[number]))
    return ""


def all_faults():
    """Return the faults of all files without repeats, each as a list of path, line and reason."""
    trees.clear()
    return json.dumps([list(fault) for fault in dict.fromkeys(map(tuple, faults))])


def load_model(model):
    path, names = model["path"], model["methods"]
    found = dict.fromkeys(names)
    functions.append(found)
    models.add(model["id"])
    module = type(sys)(model["id"])
    module.__file__ = path
    _guard.refusals.clear()
    _guard.loading_helpers = 0
    try:
        exec(compiled(path, model["source"], False, True), module.__dict__)
        if _guard.refusals:
            raise _guard.refusals[0]
    except Refused as refused:
        return refused.faults
    except BaseException as error:
        return [[path, line_of(error, path), "loading fails: " + described(error)]]
    missing = [name for name in names if not hasattr(module, name)]
    found.update({name: getattr(module, name, None) for name in names})
    return [[path, 0, f"there is no function {name}, which {model['specification']} names"] for name in missing]


def line_of(error, path):
    """Return the line of the file at which an error was raised or passed through, or 0 if it did not touch the file."""
    line = 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def described(error):
    if isinstance(error, Refused):
        path, line, reason = error.faults[0]
        return f"{path}:{line}: {reason}"
    return f"{type(error).__name__}: {error}"


last_event = None
# Only integers of more than 126 bits have this many digits.
LONG_NUMBER = re.compile("[0-9]{39}")
MAX_BITS = 127


def check_size(value):
    """Raise an error if a value has an integer that is too long for the Rust side to read exactly."""
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise OverflowError(f"a result has an integer of more than {MAX_BITS} bits")
    if isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            check_size(item)



def call(model, method, event):
    """Call a method, and return `+` with its result as JSON, or `-` with the error.

    `None` as the event means the event of the previous call.
    """
    global last_event
    import events

    if event is not None:
        last_event = json.loads(event)
    function = functions[model][method]
    if not callable(function):
        return "+null"
    _guard.refusals.clear()
    _guard.loading_helpers = 0
    try:
        result = function(events.ImmutableCaseInsensitiveDict(last_event))
        answer = "+" + json.dumps(result, default=events.json_encoder, allow_nan=False)
        if LONG_NUMBER.search(answer):
            check_size(json.loads(answer[1:]))
    except BaseException as error:
        answer = "-" + described(error)
    return "-" + described(_guard.refusals[0]) if _guard.refusals else answer
