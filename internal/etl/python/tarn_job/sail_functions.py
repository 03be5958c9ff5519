"""Guards of the engine "sail" for functions whose results differ from Spark's."""
import re


def guard_functions():
    from pyspark.sql import functions as F
    from pyspark.sql.connect import functions as C
    from pyspark.sql.connect.dataframe import DataFrame

    def replace(name, make):
        made = make(getattr(C.builtin, name))
        for module in (F, getattr(F, "builtin", None), C, C.builtin):
            if module is not None and hasattr(module, name):
                setattr(module, name, made)

    def label(column):
        return column if isinstance(column, str) else column._expr.__repr__()

    # NULL is no NaN.
    replace("isnan", lambda isnan: lambda col: C.builtin.coalesce(isnan(col), C.builtin.lit(False)).alias(f"isnan({label(col)})"))
    # Days between dates are an int.
    for name in ("datediff", "date_diff"):
        replace(name, lambda days, name=name: lambda end, start: days(end, start).cast("int").alias(f"{name}({label(end)}, {label(start)})"))
    # $1_ means group 1 and an underscore, not a group named 1_.
    replace("regexp_replace", lambda f: lambda string, pattern, replacement: f(
        string, pattern, re.sub(r"\$(\d)", r"${\1}", replacement) if isinstance(replacement, str) else replacement))
    # The variance of a sample has that name.
    replace("variance", lambda f: lambda col: f(col).alias(f"var_samp({label(col)})"))

    union = DataFrame.unionByName

    def union_by_name(self, other, allowMissingColumns=False):
        if allowMissingColumns:
            left, right = dict(self.dtypes), dict(other.dtypes)
            for name, kind in right.items():
                if name not in left:
                    self = self.withColumn(name, C.builtin.lit(None).cast(kind))
            for name, kind in left.items():
                if name not in right:
                    other = other.withColumn(name, C.builtin.lit(None).cast(kind))
        return union(self, other, allowMissingColumns)

    DataFrame.unionByName = union_by_name
