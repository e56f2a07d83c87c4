#!/usr/bin/env python3
"""Checks that lambdas which CAF keeps do not capture by reference.

CAF keeps the lambdas of behaviours, continuations and handlers beyond the scope they are written in, where a captured
reference dangles. So in actors/ no lambda may capture everything by reference, and one that is given to CAF may not
capture anything by reference. Arguments of algorithms and of our own functions, which call them at once, are left alone;
any other exception says why on its line or the line above: `by-ref: <why it cannot outlive the scope>`.
"""
import re

from source_tree import ROOT, finish, sources

CAPTURES = re.compile(r"(?<![\w\])\[])\[([^\[\]]*&[^\[\]]*)\]\s*(?:\(|\{|<|mutable)")
EVERYTHING = re.compile(r"^\s*&\s*(?:,|$)")
ARGUMENT_OF_A_CALL = re.compile(r"\w\s*\([^;]*\[")
GIVEN_TO_CAF = re.compile(r"(?:\.then|\.await|\.receive|\bspawn\w*|attach_functor|set_\w+_handler|->become|message_handler|"
                          r"behavior)\s*[({]")


def statement_up_to(lines, index):
    """The statement that the line belongs to, from its beginning, as far as four lines can tell."""
    text = lines[index]
    for earlier in range(index - 1, max(index - 5, -1), -1):
        if lines[earlier].rstrip().endswith((";", "{", "}")):
            break
        text = lines[earlier] + text
    return text


def problem_at(lines, index):
    found = CAPTURES.search(lines[index].split("//")[0])
    above = lines[index - 1] if index else ""
    if not found or "by-ref:" in lines[index] or "by-ref:" in above:
        return None
    statement = statement_up_to(lines, index)
    begins_row = lines[index].lstrip().startswith("[")  # a row of a behaviour, unless it is an argument of a call
    if GIVEN_TO_CAF.search(statement) or (begins_row and not ARGUMENT_OF_A_CALL.search(statement)):
        return "a lambda that CAF keeps captures by reference"
    if EVERYTHING.search(found.group(1)) and not ARGUMENT_OF_A_CALL.search(statement):
        return "captures everything by reference; name what is captured, or explain with `by-ref:`"
    return None


def main():
    findings = []
    files = [path for path in sources() if path.parts[0] == "actors"]
    for path in files:
        lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
        for index in range(len(lines)):
            problem = problem_at(lines, index)
            if problem:
                findings.append(f"{path}:{index + 1}: {problem}")
    finish("captures", findings, f"{len(files)} files")


if __name__ == "__main__":
    main()
