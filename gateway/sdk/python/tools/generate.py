"""Writes what the client knows of the protocol's methods out of the server's own documents.

    python tools/generate.py URL        URL of a running gateway, `http://127.0.0.1:7400` say
    python tools/generate.py URL --check

`/openapi.json` says which methods are commands (they take a key), `/asyncapi.json` the shapes on a WebSocket. Out of them
come `src/vendue/types.py` and `src/vendue/methods/`. With `--check` nothing is written: the exit code is 1 where a file
would change. A test does this against the real gateway, so that the two cannot drift apart.
"""

from __future__ import annotations

import json
import keyword
import re
import subprocess
import sys
import textwrap
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "vendue"
WIDTH = 110

Schema = dict[str, Any]

HEAD = '''"""{title}

Made by `tools/generate.py` out of the server's documents; changes belong there.
"""

from __future__ import annotations

'''

# What a session says for itself, not through a method of a noun.
SESSION = {"connect", "authenticate", "ping", "subscribe", "unsubscribe", "subscriptions"}

# Commands that make something: its id is made here, so that the outcome of a lost answer can be asked for.
MADE = {
    "market.create": "mkt",
    "account.create": "acc",
    "sale.create": "sal",
    "lot.create": "lot",
    "stock.create": "stk",
    "book.create": "bok",
    "order.place": "ord",
}

# Questions about an earlier command: its key is a parameter of theirs.
ABOUT_A_KEY = {"command.result", "command.receipt"}

# Parameters that belong to how a request is made, not to what is asked.
ENVELOPE = {"key", "deadline_ms"}


def python_name(name: str) -> str:
    """A name that Python does not keep for itself."""
    return f"{name}_" if keyword.iskeyword(name) else name


def type_name(name: str) -> str:
    """The schema's name without what it says of its making in Rust."""
    return re.sub(r"AtSeq$", "", re.sub(r"AnswerResult$", "Result", name))


def words(text: str | None) -> str:
    """A description without links into the server's code."""
    if not text:
        return ""
    sentences = re.split(r"(?<=[.;])\s+", " ".join(text.split()))
    return " ".join(one for one in sentences if "[`" not in one)


def comment(text: str, indent: str) -> list[str]:
    """Lines of a comment."""
    return [f"{indent}# {line}" for line in textwrap.wrap(text, WIDTH - len(indent))]


def docstring(text: str, indent: str) -> list[str]:
    """Lines of a docstring; none where there is nothing to say."""
    if not text:
        return []
    lines = textwrap.wrap(text.replace("\\", "\\\\"), WIDTH - len(indent))
    if len(lines) == 1:
        return [f'{indent}"""{lines[0]}"""', ""]
    return [f'{indent}"""', *(f"{indent}{line}" for line in lines), f'{indent}"""', ""]


class Shapes:
    """The schemas of the document, and those of them that something here speaks of."""

    def __init__(self, schemas: dict[str, Schema]) -> None:
        self.schemas = schemas
        self.used: dict[str, None] = {}

    def of(self, schema: Schema) -> str:
        """The Python type of a schema."""
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            if name not in self.used:
                self.used[name] = None
            return type_name(name)
        if "const" in schema:
            return f"Literal[{json.dumps(schema['const'])}]"
        if "enum" in schema:
            return f"Literal[{', '.join(json.dumps(one) for one in schema['enum'])}]"
        for choice in ("anyOf", "oneOf"):
            if choice in schema:
                return self.union([self.of(one) for one in schema[choice]])
        kinds = schema.get("type")
        if isinstance(kinds, list):
            return self.union([self.of({**schema, "type": kind}) for kind in kinds])
        return self.plain(kinds, schema)

    def plain(self, kind: str | None, schema: Schema) -> str:
        if kind == "array":
            if "prefixItems" in schema:
                return f"tuple[{', '.join(self.of(one) for one in schema['prefixItems'])}]"
            return f"list[{self.of(schema['items'])}]" if "items" in schema else "list[Any]"
        if kind == "object":
            values = schema.get("additionalProperties")
            return f"dict[str, {self.of(values)}]" if isinstance(values, dict) else "dict[str, Any]"
        return {"integer": "int", "string": "str", "boolean": "bool", "number": "float", "null": "None"}.get(kind or "", "Any")

    @staticmethod
    def union(parts: list[str]) -> str:
        names = [one[8:-1] for one in parts if one.startswith("Literal[")]
        others = [one for one in dict.fromkeys(parts) if not one.startswith("Literal[")]
        return " | ".join(([f"Literal[{', '.join(names)}]"] if names else []) + others)

    def definition(self, name: str) -> list[str]:
        """A type of the module."""
        schema = self.schemas[name]
        text = words(schema.get("description"))
        if "properties" not in schema:
            plain = {key: value for key, value in schema.items() if key != "description"}
            return [*comment(text, ""), f"{type_name(name)}: TypeAlias = {self.of(plain)}"]
        fields = dict(schema["properties"])
        required = set(schema.get("required", ()))
        # Either of several shapes: what each may have, beside what all have.
        for one in schema.get("anyOf", ()):
            fields.update(self.schemas[one["$ref"].rsplit("/", 1)[1]]["properties"])
        if any(keyword.iskeyword(field) for field in fields):
            return self.functional(name, text, fields, required)
        lines = [f"class {type_name(name)}(TypedDict):", *docstring(text, "    ")]
        for field, one in fields.items():
            kind = self.of(one)
            lines += comment(words(one.get("description")), "    ")
            lines.append(f"    {field}: {kind if field in required else f'NotRequired[{kind}]'}")
        return lines if fields else [*lines, "    pass"]

    def functional(self, name: str, text: str, fields: dict[str, Schema], required: set[str]) -> list[str]:
        """A shape with a field that Python cannot name."""
        lines = [*comment(text, ""), f'{type_name(name)} = TypedDict("{type_name(name)}", {{']
        for field, one in fields.items():
            kind = self.of(one)
            lines.append(f'    "{field}": {json.dumps(kind if field in required else f"NotRequired[{kind}]")},')
        return [*lines, "})"]

    def all_used(self) -> list[str]:
        """Everything that is spoken of, parts after their parts: aliases are made when the module is read."""
        done: dict[str, list[str]] = {}
        waiting = list(self.used)
        while waiting:
            name = waiting.pop()
            if name not in done:
                before = set(self.used)
                done[name] = self.definition(name)
                waiting += [one for one in self.used if one not in before]
        aliases = [name for name in done if "properties" not in self.schemas[name]]
        shapes = [name for name in done if "properties" in self.schemas[name]]
        text = [line for name in sorted(aliases) for line in [*done[name], ""]]
        return text + [line for name in sorted(shapes, key=type_name) for line in [*done[name], "", ""]]


class Method:
    """One method of the protocol."""

    def __init__(self, name: str, http: Schema, async_api: Schema) -> None:
        messages, schemas = async_api["components"]["messages"], async_api["components"]["schemas"]
        self.name = name
        self.noun, self.verb = name.split(".")
        stem = name.replace(".", "_")
        request = messages[f"{stem}_request"]
        self.summary = words(request.get("summary"))
        self.params: Schema = schemas[request["payload"]["properties"]["params"]["$ref"].rsplit("/", 1)[1]]
        self.result: Schema = messages[f"{stem}_reply"]["payload"]["oneOf"][0]["properties"]["result"]
        headers = [one["name"] for one in http["post"].get("parameters", ())]
        self.is_command = "Idempotency-Key" in headers

    @property
    def target(self) -> str | None:
        """The parameter that names the actor which decides."""
        return self.noun if self.is_command and self.noun in self.params["properties"] else None

    def arguments(self, shapes: Shapes) -> Iterator[tuple[str, str, bool, str]]:
        """Name, type, whether it must be there, description: those that must be there first."""
        required = set(self.params.get("required", ()))
        own = dict(self.params["properties"])
        if self.name in ABOUT_A_KEY:
            own["key"] = {"type": "string", "description": "The key of the earlier command."}
            required.add("key")
            skipped = {"deadline_ms"}
        else:
            skipped = ENVELOPE
        ordered = sorted(own.items(), key=lambda one: one[0] not in required)
        for field, schema in ordered:
            if field not in skipped:
                # What is given may be any sequence; `list` is the name of a method besides.
                kind = re.sub(r"\blist\[", "Sequence[", shapes.of(schema))
                yield field, kind, field in required, words(schema.get("description"))

    def code(self, shapes: Shapes) -> list[str]:
        arguments = list(self.arguments(shapes))
        options = "CommandOptions" if self.is_command else "ReadOptions"
        result = shapes.of(self.result) if self.result else "dict[str, Any]"
        lines = [f"    async def {python_name(self.verb)}(", "        self,"]
        if arguments:
            lines.append("        *,")
        for field, kind, needed, _ in arguments:
            optional = kind if "None" in kind.split(" | ") else f"{kind} | None"
            lines.append(f"        {python_name(field)}: {kind if needed else f'{optional} = None'},")
        lines += [f"        **how: Unpack[{options}],", f"    ) -> {result}:"]
        lines += self.documentation(arguments)
        pairs = ", ".join(f'"{field}": {python_name(field)}' for field, *_ in arguments)
        lines.append(f'        return cast("{result}", await self._call("{self.name}", {{{pairs}}}, how))')
        return lines

    def documentation(self, arguments: list[tuple[str, str, bool, str]]) -> list[str]:
        told = [(python_name(field), text) for field, _, _, text in arguments if text]
        summary = textwrap.wrap(self.summary or f"`{self.name}`.", WIDTH - 8)
        if not told and len(summary) == 1:
            return [f'        """{summary[0]}"""']
        lines = [f'        """{summary[0]}', *(f"        {line}" for line in summary[1:])]
        if told:
            lines.append("")
        for field, text in told:
            lines += textwrap.wrap(f"{field}: {text}", WIDTH - 8, initial_indent="        ", subsequent_indent="            ")
        return [*lines, '        """']


def table(methods: list[Method]) -> str:
    """How each method is sent."""
    lines = [HEAD.format(title="Every method of the protocol, and how it is sent.")]
    lines += [
        "from collections.abc import Mapping",
        "from typing import Final",
        "",
        "from ._base import Call, Kind, Methods",
    ]
    nouns = sorted({one.noun for one in methods})
    lines += [f"from .{noun} import {noun.title()}Methods" for noun in nouns]
    lines += ["", "METHODS: Final[Mapping[str, Kind]] = {"]
    for one in methods:
        if not one.is_command:
            lines.append(f'    "{one.name}": Kind(command=False),')
        else:
            target = f', target="{one.target}"' if one.target else ""
            made = f', makes="{MADE[one.name]}"' if one.name in MADE else ""
            lines.append(f'    "{one.name}": Kind(command=True{target}{made}),')
    lines += ["}", "", "", "class AllMethods:", '    """The methods by their nouns: `client.lot.bid(...)`."""', ""]
    lines += ["    def __init__(self, call: Call) -> None:"]
    lines += [f"        self.{noun} = {noun.title()}Methods(call)" for noun in nouns]
    exported = ["METHODS", "AllMethods", "Kind", "Methods", *(f"{noun.title()}Methods" for noun in nouns)]
    lines += ["", "", f"__all__ = {json.dumps(exported)}"]
    return "\n".join(lines) + "\n"


def noun_module(noun: str, methods: list[Method], shapes: Shapes) -> str:
    """The methods of one noun."""
    body = [line for one in methods for line in [*one.code(shapes), ""]]
    names = set(re.findall(r"\b[A-Z]\w+", "\n".join(line for line in body if not line.lstrip().startswith(('"""', "#")))))
    types = sorted({type_name(one) for one in shapes.used} & names)
    options = sorted(names & {"CommandOptions", "ReadOptions"})
    typing = ["Any"] if any(re.search(r"\bAny\b", line) for line in body) else []
    typing += ["Literal"] if any("Literal[" in line for line in body) else []
    sequences = ["from collections.abc import Sequence"] if any("Sequence[" in line for line in body) else []
    lines = [HEAD.format(title=f"`client.{noun}`: the methods of the protocol that begin with `{noun}.`.")]
    lines += sequences
    lines += [
        f"from typing import {', '.join([*typing, 'Unpack', 'cast'])}",
        "",
        f"from ._base import {', '.join([*options, 'Methods'])}",
    ]
    if types:
        lines += [f"from ..types import {', '.join(types)}"]
    lines += [
        "",
        "",
        f"class {noun.title()}Methods(Methods):",
        f'    """What can be asked about {noun}s, and done to them."""',
        "",
        *body,
    ]
    return "\n".join(lines)


def event_shapes(async_api: Schema, shapes: Shapes) -> list[str]:
    """What each kind of channel tells, by the event's name."""
    kinds: dict[str, dict[str, str]] = {}
    for name, message in async_api["components"]["messages"].items():
        if name.endswith("_event"):
            properties = message["payload"]["properties"]
            channel, event = message["title"].split(": ")
            kinds.setdefault(channel, {})[event] = shapes.of(properties["data"])
    lines = []
    for kind, events in kinds.items():
        name = f"{kind.title()}Events"
        lines += [
            f"class {name}(TypedDict, total=False):",
            f'    """The data of the events of a `{kind}` channel, by their names."""',
            "",
        ]
        lines += [f"    {event}: {data}" for event, data in events.items()] + ["", ""]
    return lines


def types_module(shapes: Shapes, events: list[str]) -> str:
    body = "\n".join([*shapes.all_used(), *events])
    names = ["Any"] if re.search(r"\bAny\b", body) else []
    names += ["Literal", "NotRequired", "TypeAlias", "TypedDict"]
    title = "The shapes of results and events: instants in microseconds of the server's clock, money in minor units."
    return HEAD.format(title=title) + f"from typing import {', '.join(names)}\n\n" + body + "\n"


def generate(open_api: Schema, async_api: Schema) -> dict[Path, str]:
    """Every file and what stands in it, not yet formatted."""
    shapes = Shapes(async_api["components"]["schemas"])
    names = sorted(path[4:] for path in open_api["paths"] if path.startswith("/v1/") and "." in path)
    methods = [Method(name, open_api["paths"][f"/v1/{name}"], async_api) for name in names]
    for session in ("Connected", "Authenticated", "Subscribed"):
        shapes.of({"$ref": f"#/{session}"})
    files: dict[Path, str] = {PACKAGE / "methods" / "__init__.py": table(methods)}
    for noun in sorted({one.noun for one in methods}):
        files[PACKAGE / "methods" / f"{noun}.py"] = noun_module(noun, [one for one in methods if one.noun == noun], shapes)
    files[PACKAGE / "types.py"] = types_module(shapes, event_shapes(async_api, shapes))
    return files


def formatted(path: Path, text: str) -> str:
    """As `ruff` writes it, imports sorted."""
    name = ["--stdin-filename", str(path), "-"]
    for command in (["check", "--fix-only", "--quiet", "--select", "I,F401,RUF022"], ["format", "--quiet"]):
        run = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *name], input=text, text=True, capture_output=True, check=True
        )
        text = run.stdout
    return text


def read(url: str) -> Schema:
    with urllib.request.urlopen(url, timeout=30) as answer:
        document: Schema = json.load(answer)
        return document


def main(arguments: list[str]) -> int:
    url = next((one for one in arguments if not one.startswith("-")), None)
    if url is None:
        print(__doc__)
        return 2
    changed = 0
    for path, text in generate(read(f"{url}/openapi.json"), read(f"{url}/asyncapi.json")).items():
        fresh = formatted(path, text)
        if path.exists() and path.read_text(encoding="utf-8") == fresh:
            continue
        changed += 1
        print(f"{path.relative_to(PACKAGE)} {'is not what the server says' if '--check' in arguments else 'written'}")
        if "--check" not in arguments:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(fresh, encoding="utf-8")
    return 1 if changed and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
