"""Starts the engine, runs the script, and reports how it ended."""
import os
import re
import runpy
import sys
import traceback

from tarn_job import channel


def script_line(error, script):
    """The line of the script in which an error arose, or None."""
    line = None
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == script:
            line = frame.lineno
    return line


# What Sail says of what it lacks; Spark may well do it.
LIMITS = r"Csv error|Json error|Cast error|Parser error|No data source found|invalid argument: found|not (yet )?(implemented|supported)"


def limit(error):
    """Whether an error is one of the engine Sail, not of the script."""
    if not type(error).__module__.startswith("pyspark"):
        return False
    return type(error).__name__ == "UnsupportedOperationException" or re.search(LIMITS, str(error), re.IGNORECASE) is not None


def report(error, script, engine):
    """Tells Tarn of an error in the words that Glue uses, and prints the part of the trace that is the script's."""
    if isinstance(error, SyntaxError) and error.filename == script:
        message, line = f"SyntaxError: {error.msg} ({os.path.basename(script)}, line {error.lineno})", error.lineno
    else:
        line = script_line(error, script)
        text = str(error).split("\n\nJVM stacktrace")[0]
        message = f"{type(error).__name__}: {text}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if "/tarn_job/" not in f.filename and "<frozen runpy>" not in f.filename]
    sys.stderr.write("Traceback (most recent call last):\n" + "".join(traceback.format_list(own)) + message + "\n")
    sys.stderr.flush()
    kind = "NeedsSpark" if engine == "sail" and limit(error) else type(error).__name__
    channel.ask("failed", error=kind, message=message[:4000], line=line)


def main():
    args = sys.argv[1:]
    engine, args = args[1], args[2:]
    script = args[0]
    channel.connect()
    if engine == "sail":
        from tarn_job import sail

        sail.start()
    elif engine == "spark":
        from tarn_job import spark

        spark.configure()
    channel.ask("running", engine=engine)
    sys.argv = args
    sys.path[0] = os.path.dirname(script)
    code = 0
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as e:
        code = e.code if isinstance(e.code, int) else (0 if e.code is None else 1)
        if code:
            channel.ask("failed", error="SystemExit", message=f"SystemExit: {e.code}", line=script_line(e, script))
    except BaseException as e:
        code = 1
        report(e, script, engine)
    sys.stdout.flush()
    sys.stderr.flush()
    # Engines keep threads and sessions that would hold the process.
    os._exit(code)


main()
