"""Type names of Glue and Hive in the words of Spark's DDL."""
import re

_WORDS = {"long": "bigint", "integer": "int", "short": "smallint", "byte": "tinyint", "choice": "string", "bool": "boolean"}


def ddl(name):
    """Replaces Glue's names wherever a type may stand; names of fields, which a colon follows, stay."""
    return re.sub(r"\b(long|integer|short|byte|choice|bool)\b(?!\s*:)", lambda m: _WORDS[m.group(1)], name.strip())
