"""Reads a script on standard input and prints the first construct in it that is not verified to give Spark's results on Sail;
prints nothing where there is none. verified.txt and api.txt lie beside this file.

It is an allow-list: every name of PySpark's API (api.txt) that the script uses must be verified, and so must every function in
its SQL texts. Names that are no part of the API are the script's own. A script that cannot be parsed runs on Sail, whose
runner reports the syntax error.
"""
import ast
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

# Texts that decide by themselves, wherever they stand in the script.
TELLING = {
    r"\b_jvm\b|\b_jsc\b|\b_jdf\b": "the JVM (_jvm, _jsc)",
    r"(?i)\bdelta\b|\bhudi\b|\biceberg\b": "a table format of its own (delta, hudi, iceberg)",
    r"partitionOverwriteMode": "dynamic partition overwrite",
    r"session\.timeZone": "a session time zone",
    r"timestampFormat|dateFormat": "formats of dates in text",
    r"\bjdbc\b": "JDBC",
    r"inferSchema": "schema inference (inferSchema)",
    r"multi[lL]ine": "JSON or CSV over several lines",
    r"readStream|writeStream|forEachBatch": "streaming",
    r"(?i)\bdecimal\s*\(|\bDecimalType\b|\bdecimal\.Decimal\b": "decimal numbers",
    r"\.cast\(\s*([\"']string[\"']|[\w.]*StringType\(\))|(?i:\bas\s+string\s*\))": "a cast to text (numbers of type double are written differently)",
}

# Calls whose texts are SQL, and words of SQL that may stand before a parenthesis.
SQL_CALLS = {"sql", "expr", "selectExpr", "filter", "where", "having"}
SQL_WORDS = set("""in and or not as values over exists by on from when then else where select union all any some with using cube rollup
    sets interval between like case distinct except intersect join partition insert into table view explode_ t""".split())


def words(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as f:
        return {line.strip() for line in f if line.strip() and not line.startswith("#")}


def texts(node):
    """The text constants of an expression."""
    for n in ast.walk(node):
        if isinstance(n, ast.Constant) and isinstance(n.value, str):
            yield n


def functions(text):
    """The functions that an SQL text calls. What follows AS is a name given, not a function."""
    for before, word in re.findall(r"(\bas\s+)?\b([A-Za-z_]\w*)\s*\(", text, re.IGNORECASE):
        if not before and word.lower() not in SQL_WORDS:
            yield word.lower()


def others(tree):
    """Names under which the script imports what is not Spark's."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (a.asname or a.name.split(".")[0] for a in node.names if not a.name.startswith("pyspark"))
        elif isinstance(node, ast.ImportFrom) and not (node.module or "").startswith(("pyspark", "awsglue")):
            yield from (a.asname or a.name for a in node.names)


def root(node):
    while isinstance(node, (ast.Attribute, ast.Call, ast.Subscript)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def used(tree, api):
    """Names with lines: those of the API that are read as attributes, imported or called, and functions in SQL as "sql:NAME".
    X.apply is a transform of awsglue where X begins in upper case."""
    queries, foreign = set(), set(others(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            if node.attr == "apply" and isinstance(node.value, ast.Name) and node.value.id[:1].isupper():
                continue
            if node.attr in api and root(node) not in foreign:
                yield node.attr, node.lineno
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pyspark"):
            for alias in node.names:
                if alias.name in api:
                    yield alias.name, node.lineno
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in api:
            yield node.func.id, node.lineno
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SQL_CALLS:
            for n in texts(node):
                queries.add(n)
                for f in functions(n.value):
                    yield "sql:" + f, n.lineno
    for n in texts(tree):  # texts that may reach SQL through a variable
        if n not in queries:
            for f in functions(n.value):
                if f in api:
                    yield "sql:" + f, n.lineno


def first_doubt(script):
    """What speaks against Sail, or None."""
    try:
        tree = ast.parse(script)
    except SyntaxError:
        return None
    for pattern, what in TELLING.items():
        if re.search(pattern, script):
            return what
    for n in texts(tree):
        if re.search(r"(?i)\bselect\b", n.value) and re.search(r"\d\.\d+\s*/|/\s*\d+\.\d", n.value):
            return f"division of decimal literals (line {n.lineno})"
    api, verified = words("api.txt"), words("verified.txt")
    for name, line in used(tree, api):
        if name not in verified:
            return f"{name.replace('sql:', 'SQL ')} (line {line})"
    return None


if __name__ == "__main__":
    found = first_doubt(sys.stdin.read())
    if found:
        print(found)
