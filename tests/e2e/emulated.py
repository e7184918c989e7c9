"""Adapts the built templates to the emulated AWS, which refuses a template that has a resource of an unknown type."""

import pathlib
import re
import shutil
import subprocess

from processes import Failed

# Resource types that ministack does not have. Their content is checked without it: `named_queries.py` runs the saved
# queries of Athena, and cfn-lint checks the properties of all resources.
UNKNOWN_TYPES = ("AWS::Athena::NamedQuery", "AWS::Logs::QueryDefinition")
RESOURCE = re.compile(r"  \w+:\s*")
TYPE = re.compile(r"    Type: [\"']?([\w:]+)[\"']?\s*")


def without_unknown_resources(text):
    """Returns the template without its resources of unknown types, and the number of these resources."""
    kept, block, count = [], [], 0

    def end_block():
        nonlocal count
        types = [found[1] for line in block if (found := TYPE.fullmatch(line))]
        if types and types[0] in UNKNOWN_TYPES:
            count += 1
        else:
            kept.extend(block)

    for line in text.splitlines(keepends=True):
        # A block begins at each line of at most two spaces, and has all deeper lines after it.
        if RESOURCE.fullmatch(line) or (line.strip() and not line.startswith("  ")):
            end_block()
            block = []
        block.append(line)
    end_block()
    return "".join(kept), count


def adapt(built):
    """Removes the resources of unknown types from all templates in the folder `built`. Returns their number."""
    removed = 0
    for path in sorted(built.rglob("template.yaml")):
        text, count = without_unknown_resources(path.read_text(encoding="utf-8"))
        if any(f"Type: {kind}" in text for kind in UNKNOWN_TYPES):
            raise Failed(f"{path} still has a resource that the emulated AWS does not know")
        if count:
            path.write_text(text, encoding="utf-8")
            removed += count
    return removed


def use_functions(root, built, functions, binaries):
    """Writes to the folder `built` what `sam build` would, with given binaries. `functions` maps resources to binaries."""
    text = (root / "template.yaml").read_text(encoding="utf-8")
    for path in root.glob("infra/*.yaml"):
        nested = built / "infra" / path.stem / "template.yaml"
        nested.parent.mkdir(parents=True)
        shutil.copy(path, nested)
        text = text.replace(f"TemplateURL: infra/{path.name}", f"TemplateURL: infra/{path.stem}/template.yaml")
    for resource, binary in functions.items():
        text = text.replace(f"CodeUri: functions/{binary}", f"CodeUri: {resource}")
        (built / resource).mkdir(parents=True)
        target = built / resource / "bootstrap"
        # A debug build has symbols of some hundred megabytes, which SAM would compress.
        subprocess.run(["strip", "-o", target, pathlib.Path(binaries) / binary], check=True)
        target.chmod(0o755)
    (built / "template.yaml").write_text(text, encoding="utf-8")
