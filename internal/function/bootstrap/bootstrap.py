"""Runs a Python function: a client of the Lambda Runtime API.

The environment is that of Lambda (_HANDLER, LAMBDA_TASK_ROOT, AWS_LAMBDA_RUNTIME_API …). Modules that a handler may not
need are imported late: http.client alone would cost 25 ms of every cold start.
"""
import builtins
import json
import os
import sys
import time


class Context:
    """What a handler gets as its second argument."""

    def __init__(self, headers):
        env = os.environ.get
        self.aws_request_id = headers.get("lambda-runtime-aws-request-id", "")
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn", "")
        self._deadline_ms = int(headers.get("lambda-runtime-deadline-ms", "0"))
        self.function_name = env("AWS_LAMBDA_FUNCTION_NAME", "")
        self.function_version = env("AWS_LAMBDA_FUNCTION_VERSION", "")
        self.memory_limit_in_mb = env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
        self.log_group_name = env("AWS_LAMBDA_LOG_GROUP_NAME", "")
        self.log_stream_name = env("AWS_LAMBDA_LOG_STREAM_NAME", "")
        self.identity = None
        self.client_context = None
        raw = headers.get("lambda-runtime-client-context")
        if raw:
            self.client_context = ClientContext(json.loads(raw))

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline_ms - int(time.time() * 1000))

    def log(self, text):
        sys.stdout.write(str(text))


class ClientContext:
    def __init__(self, data):
        self.custom = data.get("custom")
        self.env = data.get("env")
        self.client = data.get("client")


class Runtime:
    """HTTP/1.1 over one connection that is kept."""

    def __init__(self, address):
        import socket

        place, _, token = address.partition("/")
        host, port = place.rsplit(":", 1)
        self.sock = socket.create_connection((host, int(port)))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.sock.makefile("rb")
        self.host = place
        self.base = ("/" + token if token else "") + "/2018-06-01/runtime/"

    def call(self, method, path, body=b"", headers=()):
        head = f"{method} {self.base}{path} HTTP/1.1\r\nHost: {self.host}\r\nContent-Length: {len(body)}\r\n"
        for name, value in headers:
            head += f"{name}: {value}\r\n"
        self.sock.sendall((head + "\r\n").encode() + body)
        if not self.reader.readline():
            os._exit(0)  # the server went away
        got = {}
        while True:
            line = self.reader.readline()
            if line in (b"\r\n", b""):
                break
            name, value = line.decode().split(":", 1)
            got[name.lower()] = value.strip()
        return got, self.reader.read(int(got.get("content-length", "0")))


def report(error_type, message, trace, request_id=""):
    return json.dumps({"errorMessage": message, "errorType": error_type, "requestId": request_id, "stackTrace": trace}).encode()


def handler_error(e, request_id):
    import traceback

    frames = traceback.extract_tb(e.__traceback__)
    frames = [f for f in frames if f.filename != __file__]
    trace = traceback.format_list(frames)
    print_error(type(e).__name__, str(e), trace)
    return type(e).__name__, report(type(e).__name__, str(e), trace, request_id)


JSON_LOGS = os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"
# Python has no level TRACE.
LOG_LEVEL = {"TRACE": "DEBUG"}.get(os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper(), os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper())


def timestamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds * 1000) % 1000:03d}Z"


def print_error(kind, message, trace):
    if JSON_LOGS:
        event = {"timestamp": timestamp(time.time()), "level": "ERROR", "errorMessage": message, "errorType": kind, "requestId": current[0], "stackTrace": trace}
        sys.stdout.write(json.dumps(event, ensure_ascii=False) + "\n")
        return
    text = f"[ERROR] {kind}: {message}"
    if trace:
        text += "\nTraceback (most recent call last):\n" + "".join(trace)
    sys.stdout.write(text.rstrip("\n").replace("\n", "\r") + "\n")


class InitError(Exception):
    def __init__(self, kind, message, trace=()):
        super().__init__(message)
        self.kind, self.trace = kind, list(trace)


def load(name):
    import traceback

    module_name, dot, attribute = name.rpartition(".")
    if not dot or not module_name:
        raise InitError("Runtime.MalformedHandlerName", f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)")
    import importlib

    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as e:
        raise InitError("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {e}")
    except SyntaxError as e:
        trace = [f'  File "{e.filename}" Line {e.lineno}\n    {(e.text or "").strip()}\n']
        raise InitError("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {e}", trace)
    except Exception as e:
        frames = [f for f in traceback.extract_tb(e.__traceback__) if f.filename != __file__ and "importlib" not in f.filename]
        raise InitError(type(e).__name__, str(e), traceback.format_list(frames))
    handler = getattr(module, attribute, None)
    if handler is None:
        raise InitError("Runtime.HandlerNotFound", f"Handler '{attribute}' missing on module '{module_name}'")
    return handler


# How results become JSON on AWS (the runtime interface client for Python): bytes are an answer of their own, Decimals keep
# their digits, named tuples are objects, bytes within are text, and up to Python 3.11 the answer is ASCII.
ASCII = os.environ.get("AWS_EXECUTION_ENV", "").rpartition("_python3.")[2] in ("6", "7", "8", "9", "10", "11")
MARK = os.urandom(12).hex()


def default(o):
    import decimal

    if isinstance(o, decimal.Decimal):
        return "NaN" if o.is_nan() else f"{MARK}{o}{MARK}"
    if isinstance(o, (bytes, bytearray)):
        return o.decode()
    raise TypeError(f"Object of type {type(o).__name__} is not JSON serializable")


def plain(o):
    """Named tuples as objects, at any depth; what has none is returned as it is."""
    if isinstance(o, tuple) and hasattr(o, "_asdict"):
        return {k: plain(v) for k, v in o._asdict().items()}
    if isinstance(o, dict):
        return {k: plain(v) for k, v in o.items()}
    if isinstance(o, (list, tuple)):
        return [plain(v) for v in o]
    return o


def marshal(result):
    if isinstance(result, (bytes, bytearray)):
        return bytes(result)
    data = json.dumps(plain(result), ensure_ascii=ASCII, default=default)
    if MARK in data:
        data = data.replace('"' + MARK, "").replace(MARK + '"', "")
    return data.encode()


def setup_logging():
    """The root logger writes as on Lambda. It is set up only when a function imports logging."""

    class Finder:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if name != "logging":
                return None
            sys.meta_path.remove(Finder)
            import importlib.util

            spec = importlib.util.find_spec("logging")
            run = spec.loader.exec_module

            def exec_module(module):
                run(module)

                class Format(module.Formatter):
                    converter = time.gmtime

                class WithRequest(module.Filter):
                    def filter(self, record):
                        record.aws_request_id = current[0]
                        return True

                h = module.StreamHandler(sys.stdout)
                h.setFormatter(json_format(module) if JSON_LOGS else Format("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S"))
                h.addFilter(WithRequest())
                module.getLogger().addHandler(h)
                if JSON_LOGS and isinstance(module.getLevelName(LOG_LEVEL), int):
                    module.getLogger().setLevel(LOG_LEVEL)

            spec.loader.exec_module = exec_module
            return spec

    sys.meta_path.insert(0, Finder)


def json_format(logging):
    """Records as JSON objects: Lambda's members, and what the caller gave as extra."""
    usual = set(logging.makeLogRecord({}).__dict__) | {"aws_request_id", "message", "asctime"}

    class Format(logging.Formatter):
        def format(self, r):
            level = min(50, max(0, r.levelno)) // 10 * 10
            event = {"timestamp": timestamp(r.created), "level": logging.getLevelName(level), "message": r.getMessage(), "logger": r.name}
            if r.exc_info and r.exc_info[0]:
                import traceback

                event["stackTrace"] = traceback.format_tb(r.exc_info[2])
                event["errorType"], event["errorMessage"] = r.exc_info[0].__name__, str(r.exc_info[1])
            event["requestId"] = r.aws_request_id
            if r.exc_info:
                event["location"] = f"{r.pathname}:{r.funcName}:{r.lineno}"
            for name, value in r.__dict__.items():
                if name not in usual and name not in event and value is not None:
                    event[name] = value
            return json.dumps(event, ensure_ascii=False, default=str)

    return Format()


current = [""]


def main():
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, encoding="utf-8", errors="backslashreplace")
    builtins.exit = builtins.quit = sys.exit
    root = os.environ["LAMBDA_TASK_ROOT"]
    sys.path[0] = root
    front = [p for p in os.environ.pop("TARN_PYTHON_LAYERS", "").split(os.pathsep) if p]
    sys.path[1:1] = front
    sdk = os.environ.pop("TARN_PYTHON_SDK", "")
    if sdk:
        sys.path.append(sdk)
    setup_logging()
    runtime = Runtime(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler = load(os.environ["_HANDLER"])
    except InitError as e:
        print_error(e.kind, str(e), e.trace)
        runtime.call("POST", "init/error", report(e.kind, str(e), e.trace), [("Lambda-Runtime-Function-Error-Type", e.kind)])
        os._exit(1)
    while True:
        headers, body = runtime.call("GET", "invocation/next")
        rid = current[0] = headers["lambda-runtime-aws-request-id"]
        trace_id = headers.get("lambda-runtime-trace-id")
        if trace_id:
            os.environ["_X_AMZN_TRACE_ID"] = trace_id
        path = f"invocation/{rid}/"
        try:
            event = json.loads(body)
        except ValueError as e:
            runtime.call("POST", path + "error", report("Runtime.UnmarshalError", f"Unable to unmarshal input: {e}", [], rid))
            continue
        try:
            result = handler(event, Context(headers))
        except BaseException as e:
            if isinstance(e, (SystemExit, KeyboardInterrupt)):
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(e.code if isinstance(e.code, int) else (0 if e.code is None else 1))
            kind, data = handler_error(e, rid)
            flush()
            runtime.call("POST", path + "error", data, [("Lambda-Runtime-Function-Error-Type", kind)])
            continue
        try:
            data = marshal(result)
        except Exception as e:
            message = f"Unable to marshal response: {e}"
            print_error("Runtime.MarshalError", message, [])
            flush()
            runtime.call("POST", path + "error", report("Runtime.MarshalError", message, [], rid), [("Lambda-Runtime-Function-Error-Type", "Runtime.MarshalError")])
            continue
        flush()
        runtime.call("POST", path + "response", data)


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass


main()
