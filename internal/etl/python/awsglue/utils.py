"""getResolvedOptions, as the AWS Glue developer guide describes it."""


class GlueArgumentError(Exception):
    """An argument that the script asks for was not given."""


# What Glue adds to the options of a script by itself.
_RESERVED = {"job-bookmark-option": "job-bookmark-disable", "job-bookmark-from": None, "job-bookmark-to": None, "JOB_ID": None, "JOB_RUN_ID": None,
             "JOB_NAME": None, "SECURITY_CONFIGURATION": None, "encryption-type": None, "enable-data-lineage": None, "RedshiftTempDir": None, "TempDir": None}


def _parse(words):
    """--name value and --name=value; a value that itself begins with -- can stand in the second form only."""
    given, i = {}, 0
    while i < len(words):
        word = words[i]
        i += 1
        if not word.startswith("--"):
            continue
        name, equals, value = word[2:].partition("=")
        if not equals and i < len(words) and not words[i].startswith("--"):
            value = words[i]
            i += 1
        given[name] = value
    return given


def getResolvedOptions(args, options):
    """Returns the given options by name, with the reserved ones that Glue adds; names with dashes also with underscores."""
    given = _parse(args[1:])
    by_underscore = {name.replace("-", "_"): value for name, value in given.items()}
    missing = [o for o in options if o.replace("-", "_") not in by_underscore]
    if missing:
        raise GlueArgumentError("the following arguments are required: " + ", ".join("--" + o for o in missing))
    resolved = {}
    for name, default in _RESERVED.items():
        value = by_underscore.get(name.replace("-", "_"), default)
        if value is not None:
            resolved[name.replace("-", "_")] = value
    for o in options:
        resolved[o] = resolved[o.replace("-", "_")] = by_underscore[o.replace("-", "_")]
    return resolved
