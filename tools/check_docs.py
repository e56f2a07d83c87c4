#!/usr/bin/env python3
"""Checks that documents speak of what exists.

1. Paths and links in README.md, CHANGELOG.md and docs/ name files or folders that are there.
2. docs/ARCHITECTURE.md mentions every top-level folder.
3. The nouns of docs/glossary.md are in order, and each type in its table occurs in the file that its row names.
4. The commands `./dev <name>` in documents are commands of ./dev.
5. Pages that comments of sources and scripts name are in the tree.
6. The first line of a page is its title, and all rows of a table have the same number of cells.
"""
import re

from source_tree import ROOT, SOURCE_FOLDERS, finish, project_files

FOLDERS = SOURCE_FOLDERS + ["docs", "tools", "cmake", "changelog", ".ci"]
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PATH = re.compile(r"^(?:\./)?(?:" + "|".join(re.escape(folder) for folder in FOLDERS) + r")/[\w./*{},-]*$")
DEV = re.compile(r"\./dev ([a-z-]+)")
COMMENT = re.compile(r"(?:(?<!:)//|(?<![\w$&{])#(?!\w)).*")
PAGE = re.compile(r"[\w./-]*\w\.md\b|\bdocs/[\w./-]*\w")
COMMENTED = (".hpp", ".cpp", ".java", ".go", ".js", ".py", ".sh", ".cmake", ".txt", ".yml")
CELL_END = re.compile(r"(?<!\\)\|")
# Made by building or running, so absent from a clean checkout.
GENERATED = ("build/", "data/")


def documents():
    return [path for path in project_files() if path.suffix == ".md"]


def expand(text):
    """`storage/log.{hpp,cpp}` names two files."""
    braces = re.search(r"\{([^{}]*)\}", text)
    if not braces:
        return [text]
    return [text[:braces.start()] + part + text[braces.end():] for part in braces.group(1).split(",")]


def exists(text):
    text = text.rstrip("/")
    return any(True for _ in ROOT.glob(text)) if "*" in text else (ROOT / text).exists()


def check_paths(document, number, line):
    for text in CODE.findall(line):
        if not PATH.match(text):
            continue
        for path in expand(text.removeprefix("./")):
            if not exists(path):
                yield f"{document}:{number}: `{path}` does not exist"
    for target in LINK.findall(line):
        target = target.split("#")[0]
        if not target or "://" in target or target.startswith(("mailto:",) + GENERATED):
            continue
        if not (ROOT / document.parent / target).exists():
            yield f"{document}:{number}: the link to {target} leads nowhere"


def check_commands(document, number, line, commands):
    for name in DEV.findall(line):
        if name not in commands:
            yield f"{document}:{number}: ./dev has no command {name}"


def check_comments(source):
    """`docs/decisions/0005` is enough of a decision's name. A page beside the source may be named without its folder."""
    for number, line in enumerate((ROOT / source).read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        for comment in COMMENT.findall(line):
            for name in PAGE.findall(comment):
                if not any((exists(name), exists(name + "-*.md"), (ROOT / source.parent / name).is_file())):
                    yield f"{source}:{number}: {name} does not exist; cite what a reader can open"


def cells_of(row):
    return [cell.strip() for cell in CELL_END.split(row.strip())[1:-1]]


def check_shape(document, lines):
    """What a formatter for another language does to a page shows here first."""
    if not document.is_relative_to("changelog/unreleased") and not (lines and lines[0].startswith("# ")):
        yield f"{document}:1: the first line is no title (`# Title`)"
    in_code, columns = False, None  # columns: of the table that the line before belongs to
    for number, line in enumerate(lines, start=1):
        in_code ^= line.lstrip().startswith("```")
        if in_code or not line.startswith("|"):
            columns = None
            continue
        count = len(cells_of(line))
        columns = columns or count
        if count != columns:
            yield f"{document}:{number}: a row of {count} cells in a table of {columns}"


def dev_commands():
    text = (ROOT / "dev").read_text(encoding="utf-8")
    names = re.findall(r"^cmd_([a-z_]+)\(\)", text, re.MULTILINE)
    return {name.replace("_", "-") for name in names}


def check_map(files):
    text = (ROOT / "docs/ARCHITECTURE.md").read_text(encoding="utf-8")
    for folder in sorted({path.parts[0] for path in files if len(path.parts) > 1 and not path.parts[0].startswith(".")}):
        if f"{folder}/" not in text:
            yield f"docs/ARCHITECTURE.md: does not mention the top-level folder {folder}/"


def check_glossary():
    """Rows are | noun | meaning | RocketMQ's word | our type | its file |."""
    glossary = ROOT / "docs/glossary.md"
    before = ""
    for number, line in enumerate(glossary.read_text(encoding="utf-8").splitlines(), start=1):
        cells = cells_of(line)
        if len(cells) != 5 or cells[0] in ("noun", "---"):
            continue
        if cells[0].casefold() <= before:
            yield f"docs/glossary.md:{number}: {cells[0]} belongs above {before}"
        before = cells[0].casefold()
        if not CODE.fullmatch(cells[4]):
            continue
        path = ROOT / cells[4].strip("`")
        if not path.is_file():
            continue  # check_paths reports it
        text = path.read_text(encoding="utf-8")
        for name in CODE.findall(cells[3]):
            if not re.search(rf"\b{re.escape(name)}\b", text):
                yield f"docs/glossary.md:{number}: {cells[4]} does not contain `{name}`"


def main():
    findings = []
    files = project_files()
    commands = dev_commands()
    pages = documents()
    for document in pages:
        lines = (ROOT / document).read_text(encoding="utf-8").splitlines()
        findings += check_shape(document, lines)
        for number, line in enumerate(lines, start=1):
            findings += check_paths(document, number, line)
            findings += check_commands(document, number, line, commands)
    for path in files:
        if path.suffix in COMMENTED or path.as_posix() in ("dev", ".ci/run"):
            findings += check_comments(path)
    findings += check_map(files)
    findings += check_glossary()
    finish("documents", findings, f"{len(pages)} pages")


if __name__ == "__main__":
    main()
