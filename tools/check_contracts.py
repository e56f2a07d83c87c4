#!/usr/bin/env python3
"""Checks that the comment above a role names every order of its interface.

A role is declared by the function that spawns it, or by its interface itself, under a comment with a paragraph `In`
(`Serves` for the proxy of a remote role). Each order of the interface occurs there by name; an interface that is named
there stands for all of its orders.
"""
import re

from source_tree import ROOT, finish, sources

INTERFACE = re.compile(r"^using (\w+)\s*=\s*((?:[\w:]+::)?(?:typed_actor<|\w+_(?:actor|role)::extend)[^;]*);", re.MULTILINE)
ORDER = re.compile(r"\b(?:reacts_to|replies_to)<(?:\w+::)*(\w+)>")
BASE = re.compile(r"\b(\w+_(?:actor|role))(?=::extend)|extend_with<\s*(?:\w+::)*(\w+)>")
ROLE = re.compile(r"((?:^///.*\n)+)(?:using (\w+)|(?:\w+::)*(\w+) (spawn_\w+)\()", re.MULTILINE)
ORDERS_IN = re.compile(r"^/// (?:In|Serves)\b.*\n(?:///\s{4,}.*\n)*", re.MULTILINE)
# Spawned as several views at once, so that the return type does not say what it understands.
WHOLE = {"spawn_broker": "broker_role"}


def interfaces_of(files):
    found = {}
    for path in files:
        for name, definition in INTERFACE.findall((ROOT / path).read_text(encoding="utf-8")):
            bases = {first or second for first, second in BASE.findall(definition)}
            found[name] = (set(ORDER.findall(definition)), bases)
    return found


def orders_of(name, interfaces):
    orders, bases = interfaces[name]
    return orders.union(*(orders_of(base, interfaces) for base in bases if base in interfaces))


def check_roles(path, interfaces):
    """Pairs of a role's name and, where something is wrong, the problem."""
    described = set()
    for comment, declared, answer, spawner in ROLE.findall((ROOT / path).read_text(encoding="utf-8")):
        name = declared or WHOLE.get(spawner, answer)
        if name not in interfaces:
            continue
        paragraph = ORDERS_IN.search(comment)
        if not paragraph:
            if spawner and name not in described:
                yield name, f"{path}: nothing above {spawner} says what it takes in: a paragraph `In` is missing"
            continue
        described.add(name)
        named = set(re.findall(r"\w+", paragraph.group()))
        covered = named.union(*(orders_of(each, interfaces) for each in named if each in interfaces))
        missing = sorted(orders_of(name, interfaces) - covered)
        yield name, f"{path}: the comment of {name} does not name {', '.join(missing)}" if missing else None


def main():
    headers = [path for path in sources(".hpp") if path.parts[0] in ("actors", "client")]
    interfaces = interfaces_of(headers)
    checked = [role for path in headers for role in check_roles(path, interfaces)]
    finish("contracts", [problem for _, problem in checked if problem], f"{len(checked)} roles")


if __name__ == "__main__":
    main()
