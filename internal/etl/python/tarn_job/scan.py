"""Reads a script on standard input and prints the first construct in it that is not verified to give Spark's results on Sail;
prints nothing where there is none. verified.txt and api.txt lie beside this file.

It is an allow-list: every name of PySpark's API (api.txt) that the script uses must be verified. Names that are no part of
the API are the script's own. A script that cannot be parsed runs on Sail, whose runner reports the syntax error.
"""
import ast
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

# Texts that decide by themselves, wherever they stand in the script.
TELLING = {
    r"\b_jvm\b|\b_jsc\b|\b_jdf\b": "the JVM (_jvm, _jsc)",
    r"\bdelta\b|\bhudi\b|\biceberg\b": "a table format of its own (delta, hudi, iceberg)",
    r"partitionOverwriteMode": "dynamic partition overwrite",
    r"session\.timeZone": "a session time zone",
    r"timestampFormat|dateFormat": "formats of dates in text",
    r"\bjdbc\b": "JDBC",
    r"inferSchema": "schema inference (inferSchema)",
    r"multi[lL]ine": "JSON or CSV over several lines",
    r"readStream|writeStream|forEachBatch": "streaming",
}


def words(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as f:
        return {line.strip() for line in f if line.strip() and not line.startswith("#")}


def used(tree):
    """Names that are read as attributes, imported or called. X.apply is a transform of awsglue where X begins in upper case."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            if node.attr == "apply" and isinstance(node.value, ast.Name) and node.value.id[:1].isupper():
                continue
            yield node.attr, node.lineno
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pyspark"):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id, node.lineno


def main():
    script = sys.stdin.read()
    try:
        tree = ast.parse(script)
    except SyntaxError:
        return
    for pattern, what in TELLING.items():
        if re.search(pattern, script, re.IGNORECASE if "delta" in pattern else 0):
            print(what)
            return
    api, verified = words("api.txt"), words("verified.txt")
    for name, line in used(tree):
        if name in api and name not in verified and name != "*":
            print(f"{name} (line {line})")
            return


main()
