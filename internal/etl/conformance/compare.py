"""Compares answers of Sail with those of Spark: compare.py SAIL.json [--write]

answers.json holds what Spark gave. A snippet that is silently different must be one for which scan.py chooses Spark; one
that fails on Sail is loud, and chooses Spark by itself. verified.txt must hold exactly the names that equal snippets use;
--write writes it.
"""
import ast
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
TARN_JOB = HERE.parent / "python" / "tarn_job"
HEAD = "# Names of api.txt, and functions in SQL, that snippets use whose results on Sail are those of Spark 3.5 (conformance/compare.py).\n"


def snippets():
    for path in sorted((HERE / "snippets").glob("*.py")):
        for block in path.read_text().split("## ")[1:]:
            name, _, text = block.partition("\n")
            yield name, text


def main():
    sys.path.insert(0, str(TARN_JOB))
    import scan

    spark, sail = json.loads((HERE / "answers.json").read_text()), json.loads(pathlib.Path(sys.argv[1]).read_text())
    api, verified, failures, loud = scan.words("api.txt"), set(), [], []
    equal = 0
    differing = []
    for name, text in snippets():
        if name not in spark or name not in sail:
            failures.append(f"{name}: not recorded (make conformance)")
        elif "error" in sail[name]:
            loud.append(name)
        elif spark[name] != sail[name]:
            differing.append((name, text))
        else:
            equal += 1
            verified |= {n for n, _ in scan.used(ast.parse(text), api)}
    content = HEAD + "".join(n + "\n" for n in sorted(verified))
    path = TARN_JOB / "verified.txt"
    if "--write" in sys.argv:
        path.write_text(content)
    elif path.read_text() != content:
        have = scan.words("verified.txt")
        failures.append(f"verified.txt is not what the snippets show: missing {sorted(verified - have)}, too much {sorted(have - verified)}")
    for name, text in differing:
        if scan.first_doubt(text) is None:
            failures.append(f"{name}: differs silently and nothing chooses Spark\n  spark {json.dumps(spark[name])[:600]}\n  sail  {json.dumps(sail[name])[:600]}")
    print(f"{equal} equal; {len(differing)} differ: {' '.join(n for n, _ in differing)}; {len(loud)} refused: {' '.join(loud)}")
    for f in failures:
        print(f)
    sys.exit(1 if failures else 0)


main()
