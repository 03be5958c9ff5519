"""Tables of the catalog: how to read them, and how a sink keeps them up to date."""
import os
from urllib.parse import quote

from awsglue.gluetypes import ddl
from awsglue.storage import client

_TEXT = ("org.apache.hadoop.mapred.TextInputFormat", "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat")
_FORMATS = {
    "parquet": ("org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat", "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
                "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"),
    "csv": (*_TEXT, "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"),
    "json": (*_TEXT, "org.openx.data.jsonserde.JsonSerDe"),
    "orc": ("org.apache.hadoop.hive.ql.io.orc.OrcInputFormat", "org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat", "org.apache.hadoop.hive.ql.io.orc.OrcSerde"),
}


class Table:
    """A table as the catalog describes it."""

    def __init__(self, database, name, catalog_id=None):
        where = {"CatalogId": catalog_id} if catalog_id else {}
        self.database, self.name = database, name
        self.described = client("glue").get_table(DatabaseName=database, Name=name, **where)["Table"]
        self.storage = self.described.get("StorageDescriptor", {})
        self.parameters = self.described.get("Parameters", {})
        self.location = self.storage.get("Location", "")
        self.keys = [(c["Name"], ddl(c["Type"])) for c in self.described.get("PartitionKeys", [])]

    def columns(self):
        return [(c["Name"], ddl(c["Type"])) for c in self.storage.get("Columns", [])]

    def schema(self):
        return ", ".join(f"`{n}` {t}" for n, t in self.columns())

    def format(self):
        serde = self.storage.get("SerdeInfo", {}).get("SerializationLibrary", "").lower()
        kind = self.parameters.get("classification", "").lower()
        reader = self.storage.get("InputFormat", "").lower()
        for f in ("parquet", "orc", "avro", "json"):
            if f in (kind, reader) or f in serde or f in reader:
                return f
        if "opencsv" in serde or "lazysimple" in serde or kind == "csv":
            return "csv"
        raise ValueError(f"table {self.database}.{self.name} has a format that jobs cannot read: serde {serde or '?'}, classification {kind or '?'}")

    def options(self):
        """Options of the reader for text."""
        if self.format() != "csv":
            return {}
        serde = self.storage.get("SerdeInfo", {})
        p = {**self.storage.get("Parameters", {}), **self.parameters, **serde.get("Parameters", {})}
        plain = "," if "opencsv" in serde.get("SerializationLibrary", "").lower() else "\x01"
        options = {"sep": p.get("separatorChar") or p.get("field.delim") or p.get("delimiter") or plain}
        if p.get("quoteChar"):
            options["quote"] = p["quoteChar"]
        if int(p.get("skip.header.line.count") or 0) > 0:
            options["header"] = "true"
        return options

    def partitions(self, expression=None):
        where = {"Expression": expression} if expression else {}
        pages = client("glue").get_paginator("get_partitions").paginate(DatabaseName=self.database, TableName=self.name, **where)
        return [p for page in pages for p in page["Partitions"]]


def update_catalog(database, name, location, kind, dtypes, keys, values, behavior):
    """Creates the table or adds the columns that are new, then registers the partitions that are new."""
    if os.environ.get("TARN_SCRATCH"):
        return  # a run that is compared with another changes nothing
    glue, types = client("glue"), dict(dtypes)
    reader, writer, serde = _FORMATS[kind]
    columns = [{"Name": c, "Type": t} for c, t in dtypes if c not in keys]
    text = {"field.delim": ",", "skip.header.line.count": "1"} if kind == "csv" else {}
    storage = {"Columns": columns, "Location": location, "InputFormat": reader, "OutputFormat": writer, "SerdeInfo": {"SerializationLibrary": serde, "Parameters": text}}
    parameters = {"classification": kind, "EXTERNAL": "TRUE"}
    if kind == "csv":
        parameters["skip.header.line.count"] = "1"
    try:
        have = glue.get_table(DatabaseName=database, Name=name)["Table"]
        known = {c["Name"] for c in have["StorageDescriptor"]["Columns"]}
        new = [c for c in columns if c["Name"] not in known]
        if new and behavior == "UPDATE_IN_DATABASE":
            have["StorageDescriptor"]["Columns"] += new
            kept = ("Name", "Description", "Owner", "Retention", "TableType", "Parameters", "PartitionKeys", "StorageDescriptor")
            glue.update_table(DatabaseName=database, TableInput={k: have[k] for k in kept if k in have})
    except glue.exceptions.EntityNotFoundException:
        glue.create_table(DatabaseName=database, TableInput={
            "Name": name, "TableType": "EXTERNAL_TABLE", "Parameters": parameters, "StorageDescriptor": storage, "PartitionKeys": [{"Name": k, "Type": types[k]} for k in keys]})
    inputs = []
    for row in values:
        folder = "/".join(f"{k}={quote(str(v), safe=' ')}" for k, v in zip(keys, row))
        inputs.append({"Values": [str(v) for v in row], "StorageDescriptor": {**storage, "Location": f"{location.rstrip('/')}/{folder}/"}})
    for i in range(0, len(inputs), 100):
        errors = glue.batch_create_partition(DatabaseName=database, TableName=name, PartitionInputList=inputs[i:i + 100]).get("Errors", [])
        bad = [e for e in errors if e["ErrorDetail"]["ErrorCode"] != "AlreadyExistsException"]
        if bad:
            raise RuntimeError(f"partitions of {database}.{name} were not registered: {bad[:3]}")
