"""Finds uses of unavailable names in a model and in the helpers that it calls, before any of the code runs."""

import ast

# Modules with attributes that are not available to methods, and the names of these attributes.
FORBIDDEN = {
    "os": {"environ", "environb", "getenv", "getenvb", "urandom"},
    "os.path": {
        "abspath", "exists", "expanduser", "expandvars", "getatime", "getctime", "getmtime", "getsize", "isdir",
        "isfile", "islink", "ismount", "lexists", "realpath", "relpath", "samefile",
    },
    "io": {"open", "open_code", "FileIO", "OpenWrapper"},
    "uuid": {"uuid1", "uuid4", "uuid6", "uuid7", "uuid8", "getnode"},
    "random": {"SystemRandom"},
    "secrets": {"choice", "randbelow", "randbits", "SystemRandom", "token_bytes", "token_hex", "token_urlsafe"},
    "urllib": {"request", "error", "response", "robotparser"},
    "logging": {"handlers", "config"},
    "time": {"sleep"},
}
# Modules that this program replaces. Only attributes that the replacements have may be used.
PARTIAL = {"os", "io"}
# The maximum number of faults that are reported for one model.
MAX_FAULTS = 100
BUILTINS = {"open", "input", "breakpoint", "exit", "quit", "help"}


def walk(tree):
    """Return all nodes of a tree except `ctx` nodes. This is faster than `ast.walk`."""
    nodes, waiting = [], [tree]
    while waiting:
        node = waiting.pop()
        nodes.append(node)
        for field in node._fields:
            child = getattr(node, field, None)
            if isinstance(child, list):
                waiting += [item for item in child if isinstance(item, ast.AST)]
            elif isinstance(child, ast.AST) and field != "ctx":
                waiting.append(child)
    return nodes


class Source:
    """A parsed file: its nodes, its top-level names, and the module or attribute behind each imported name."""

    def __init__(self, path, tree):
        self.path, self.tree, self.nodes = path, tree, walk(tree)
        self.definitions, self.stars = {}, []
        for node in tree.body:
            for name in defined(node):
                self.definitions.setdefault(name, []).append(node)
        self.imports, self.bound = imports(self.nodes, self.stars), bound(self.nodes)

    def holds(self, name):
        """Return `True` if the file has this name or may have it, for example through `import *`."""
        return name == "*" or name.startswith("__") or name in self.bound or bool(self.stars) or "globals" in self.uses()

    def uses(self):
        return {node.id for node in self.nodes if isinstance(node, ast.Name)}


def defined(node):
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return []
    if not isinstance(node, (ast.Assign, ast.AnnAssign, ast.If, ast.Try, ast.With, ast.For, ast.While)):
        return []
    names = (part for part in walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store))
    return {part.id for part in names}


def imports(nodes, stars):
    """Return the module and the attribute that each imported name stands for."""
    found = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = alias.name if alias.asname else alias.name.partition(".")[0]
                found[alias.asname or whole] = (whole, None)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                if alias.name == "*":
                    stars.append(node.module)
                else:
                    found[alias.asname or alias.name] = (node.module, alias.name)
    return found


def bound(nodes):
    """Return the names that a file binds, except by imports."""
    names = set()
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
    return names


def dotted(node):
    """Return the names in an expression such as `a.b.c`, or an empty list for any other expression."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else []


class Reach:
    """Follows the names that a model uses into its helpers, and collects the faults."""

    def __init__(self, read, absent, modules):
        self.read, self.absent, self.modules = read, absent, modules
        self.faults, self.seen, self.inner = [], set(), set()

    def visit_all(self, source):
        """Check a whole file."""
        self.seen.update(id(node) for node in source.tree.body)
        for node in source.nodes:
            self.visit_node(source, node)

    def visit(self, source, roots):
        """Check these parts of a file, if they were not checked before."""
        for root in roots:
            if id(root) not in self.seen:
                self.seen.add(id(root))
                for node in walk(root):
                    self.visit_node(source, node)

    def visit_node(self, source, node):
        if isinstance(node, ast.ImportFrom) and not node.level and node.module not in self.absent:
            for alias in node.names:
                self.check(source, node, node.module, [alias.name])
        names = dotted(node) if isinstance(node, (ast.Attribute, ast.Name)) else []
        if not names or not isinstance(node.ctx, ast.Load) or id(node) in self.inner:
            return
        if isinstance(node, ast.Attribute):
            self.inner.update(id(part) for part in walk(node.value))
        first, rest = names[0], names[1:]
        if first in source.imports:
            module, attribute = source.imports[first]
            self.check(source, node, module, [attribute, *rest] if attribute else rest)
        elif first in source.definitions:
            self.visit(source, source.definitions[first])
        elif first in BUILTINS and first not in source.bound:
            self.fault(source, node, f"{first}, which is not available to methods")
        for module in source.stars:
            self.check(source, node, module, names)

    def check(self, source, node, module, names):
        """Check the use of a module's attribute. If the module is a helper, check its definition, too."""
        top = module.partition(".")[0]
        if top in self.absent:
            self.fault(source, node, f"use of {'.'.join([module, *names])}, which is not available to methods")
            return
        helper = self.read(module)
        if helper:
            if names and names[0] in helper.definitions:
                self.visit(helper, helper.definitions[names[0]])
            elif names and names[0] in helper.imports:
                inner, attribute = helper.imports[names[0]]
                self.check(source, node, inner, [attribute, *names[1:]] if attribute else names[1:])
            elif names and isinstance(node, ast.ImportFrom) and not helper.holds(names[0]):
                self.fault(source, node, f"import of {names[0]}, which {helper.path} does not have")
            return
        while names and f"{module}.{names[0]}" in FORBIDDEN:
            module, names = f"{module}.{names[0]}", names[1:]
        if not names or names[0] == "*":
            return
        is_missing = module in PARTIAL and not hasattr(self.modules[module], names[0])
        if is_missing or names[0] in FORBIDDEN.get(module, ()):
            self.fault(source, node, f"{module}.{names[0]}, which is not available to methods")

    def fault(self, source, node, reason):
        fault = [source.path, node.lineno, reason]
        if fault not in self.faults and len(self.faults) < MAX_FAULTS:
            self.faults.append(fault)
