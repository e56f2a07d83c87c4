#!/usr/bin/env python3
"""Checks that lambdas in actors/ do not capture by reference.

CAF keeps the lambdas of behaviours, continuations and delayed messages beyond the scope they are written in, where a
captured reference dangles. A lambda that ends before its scope does (a standard algorithm, a visitor) says so in a comment
on its line or the line above: `by-ref: <why it cannot outlive the scope>`.
"""
import re

from source_tree import ROOT, finish, sources

# A capture list with a `&` in it: after an opening bracket that is not an index or an attribute.
BY_REFERENCE = re.compile(r"(?<![\w\])\[])\[\s*(?:[^\[\]]*,\s*)?&[^\[\]]*\]\s*(?:\(|\{|<|mutable)")
STANDARD_ALGORITHM = re.compile(
    r"std::(?:ranges::)?(?:visit|sort|stable_sort|find_if|find_if_not|any_of|all_of|none_of|count_if|for_each|transform|"
    r"partition|partition_point|lower_bound|upper_bound|remove_if|erase_if|accumulate|max_element|min_element|generate|"
    r"equal|is_sorted|copy_if|adjacent_find)\s*\(")


def allowed(lines, index):
    """By a comment, or because the statement is a call of a standard algorithm, which is done before the scope ends."""
    above = lines[index - 1] if index else ""
    if "by-ref:" in lines[index] or "by-ref:" in above:
        return True
    statement = lines[index]
    for earlier in range(index - 1, max(index - 4, -1), -1):
        if lines[earlier].rstrip().endswith((";", "{", "}")):
            break
        statement = lines[earlier] + statement
    return bool(STANDARD_ALGORITHM.search(statement))


def main():
    findings = []
    files = [path for path in sources() if path.parts[0] == "actors"]
    for path in files:
        lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
        for index, line in enumerate(lines):
            code = line.split("//")[0]
            if BY_REFERENCE.search(code) and not allowed(lines, index):
                findings.append(f"{path}:{index + 1}: captures by reference; capture by value, or explain with `by-ref:`")
    finish("captures", findings, f"{len(files)} files")


if __name__ == "__main__":
    main()
