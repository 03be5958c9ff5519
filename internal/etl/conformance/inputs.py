"""Writes the files that the snippets read into a folder."""
import json
import os


def make(folder):
    import pyarrow as pa
    import pyarrow.parquet as pq

    def text(name, content):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(content)

    def sale(i):
        return f"u{i:03d}@x.io,{i % 7},{i * 1.5:.2f},{i % 28 + 1:02d}/{i % 12 + 1:02d}/2020,{'true' if i % 2 else 'false'}\n"

    os.makedirs(folder, exist_ok=True)
    head = "email_id,units_purchased,price,purchase_date,ok\n"
    text("sales.csv", head + "".join(sale(i) for i in range(40)))
    text("sales2.csv", head + sale(90))
    text("plain.csv", "1,Ann,1.5\n2,,\n3,Bob,x\n")
    text("semi.csv", 'id;name;at;amt\n1;Ann;2020-01-02 03:04;1.5\n2;NA;2020-01-02 03:04;NA\n3;Bob;bad;x\n4;"q;z";;3\n')
    text("quotes.csv", 'id,txt\n2,"say ""hi"", ok"\n3,\n4,""\n5," padded "\n')
    text("lines.csv", 'id,txt\n1,"line one\nline two"\n2,plain\n')
    text("short.csv", "a,b,c\n1,2,3\n4,5\n6\n7,8,9,10\n")
    text("long.csv", "a,b\n1,2\n3,4,5\n")
    text("truncated.csv", "a,b,c\n1,2,3\n4,5\n6\n")
    events = [{"id": 1, "user": {"name": "a", "age": 3}, "tags": ["x", "y"], "v": 1}, {"id": 2, "user": {"name": "b"}, "tags": [], "v": 2.5},
              {"id": 3, "v": None, "extra": True}]
    text("events.json", "".join(json.dumps(e) + "\n" for e in events))
    text("array.json", json.dumps([{"id": 2, "d": "2020-01-01"}, {"id": 1, "d": "2020-01-02"}], indent=1))
    rows = pa.table({"a": [1, 2, 3], "b": ["x", None, "z"]})
    pq.write_table(rows, os.path.join(folder, "one.parquet"))
    for year in ("2019", "2020"):
        for month in ("01", "12"):
            part = os.path.join(folder, "parts", f"year={year}", f"month={month}")
            os.makedirs(part, exist_ok=True)
            pq.write_table(rows, os.path.join(part, "f.parquet"))
