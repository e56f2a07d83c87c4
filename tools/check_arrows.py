#!/usr/bin/env python3
"""Checks the folder arrows of docs/ARCHITECTURE.md over #include lines.

FOLDERS says which folders a folder may include from. LIBRARIES says where a third-party library may appear at all, and
whether public headers may show it. A header is private when its name says which library it wraps (rocksdb_support.hpp)
or when it lies in a folder called internal. Headers in such a folder are not installed, so no public header includes one.
"""
import re

from source_tree import ROOT, finish, sources

VOCABULARY = "protocol/vocabulary"
EVERYTHING = {VOCABULARY, "protocol", "filter", "storage", "config", "actors", "client", "testing", "bench", "apps", "tests"}
BELOW_ACTORS = {"storage", "filter", "protocol", VOCABULARY}

FOLDERS = {
    VOCABULARY: {VOCABULARY},
    "protocol": {"protocol", VOCABULARY},
    # Storage and filter see single headers of protocol beside: those in SHARED_WITH_WIRE.
    "filter": {"filter", VOCABULARY},
    "storage": {"storage", VOCABULARY},
    "config": {"config", VOCABULARY},
    "client": {"client", "actors", "filter", "protocol", VOCABULARY},
    "testing": {"testing", "client", "actors", "storage", "config", VOCABULARY},
    "bench": EVERYTHING - {"tests", "apps"},
    "apps": EVERYTHING - {"tests"},
    "tests": EVERYTHING,
    "examples": {"examples", "client", "testing", VOCABULARY},
}
# Inside actors/, lowest first: a folder sees those it names, and what lies below actors/.
ACTORS = {
    "base": set(),
    "messages": {"base"},
    "log": {"messages", "base"},
    "group": {"log", "messages", "base"},
    "schedule": {"log", "messages", "base"},
    "transaction": {"schedule", "log", "messages", "base"},
    "pop": {"group", "schedule", "log", "messages", "base"},
    "broker": {"pop", "transaction", "schedule", "group", "log", "messages", "base"},
    "wire": {"schedule", "group", "log", "messages", "base"},
    "net": {"wire", "broker", "transaction", "schedule", "group", "log", "messages", "base"},
    "name_server": {"net", "messages", "base"},
}
FOLDERS |= {f"actors/{name}": {f"actors/{name}"} | {f"actors/{seen}" for seen in sees} | BELOW_ACTORS for name, sees in ACTORS.items()}
SHARED_WITH_WIRE = {
    "storage": {"protocol/message_codec.hpp", "protocol/checksum.hpp", "protocol/properties.hpp"},  # a stored record is the wire's
    "filter": {"protocol/properties.hpp"},  # the text that conditions are about
}

# library prefix -> (folders that may use it, may public headers show it)
LIBRARIES = {
    "rocksdb/": ({"storage", "tests"}, False),
    "tao/": ({"filter"}, False),
    "nlohmann/": ({"protocol", "config", "apps", "bench", "tests"}, False),
    "caf/": ({"actors", "client", "testing", "apps", "bench", "tests"}, True),
    "CLI/": ({"apps", "bench"}, False),
    "isa-l": ({"protocol", "bench", "tests"}, False),
    "openssl/": ({"client"}, False),
    "doctest/": ({"tests"}, True),
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def folder_of(path_text):
    """The row of FOLDERS that a path belongs to, or None."""
    parts = path_text.split("/")
    two, first = "/".join(parts[:2]), parts[0]
    return two if two in FOLDERS and len(parts) > 2 else first if first in FOLDERS else None


def is_public_header(path):
    private_name = path.name.startswith(("rocksdb_", "json_")) or "internal" in path.parts or "src" in path.parts
    return path.suffix == ".hpp" and path.parts[0] not in ("tests", "bench", "apps") and not private_name


def check_own_include(path, folder, included):
    target = folder_of(included)
    if target is None:
        if (ROOT / path.parent / included).exists():
            return "include it by its path from the root"
        return "no such folder in the arrow table"
    if not (ROOT / included).exists() and folder != "examples":
        return "no such file"
    if "internal" in included.split("/") and (is_public_header(path) or folder == "examples"):
        return "is not installed: no public header may need it"
    if target in FOLDERS[folder] or target.split("/")[0] in FOLDERS[folder]:
        return None
    if included in SHARED_WITH_WIRE.get(folder, ()):
        return None
    return f"{folder}/ may not see {target}/"


def check_library_include(path, folder, included):
    for prefix, (folders, in_headers) in LIBRARIES.items():
        if not included.startswith(prefix):
            continue
        if folder.split("/")[0] not in folders:
            return f"{folder}/ may not use {prefix.rstrip('/')}"
        if not in_headers and is_public_header(path):
            return f"{prefix.rstrip('/')} may not appear in a public header"
    return None


def main():
    findings = []
    files = sources()
    for path in files:
        folder = folder_of(path.as_posix())
        if folder is None:
            findings.append(f"{path}: lies in no folder of the arrow table")
            continue
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), start=1):
            found = INCLUDE.match(line)
            if not found:
                continue
            quoted, included = found.group(1) == '"', found.group(2)
            check = check_own_include if quoted else check_library_include
            problem = check(path, folder, included)
            if problem:
                findings.append(f"{path}:{number}: {included}: {problem}")
    finish("arrows", findings, f"{len(files)} files")


if __name__ == "__main__":
    main()
