"""The methods of DynamicFrame as classes: ApplyMapping.apply(frame=…, mappings=…)."""
from awsglue.dynamicframe import DynamicFrame, DynamicFrameCollection


class GlueTransform:
    """A transform: called through the class (apply) or an instance."""

    @classmethod
    def apply(cls, *args, **kwargs):
        return cls()(*args, **kwargs)

    @classmethod
    def name(cls):
        return cls.__name__


class ApplyMapping(GlueTransform):
    def __call__(self, frame, mappings, case_sensitive=False, transformation_ctx="", **kwargs):
        return frame.apply_mapping(mappings, case_sensitive)


class ResolveChoice(GlueTransform):
    def __call__(self, frame, specs=None, choice="", database=None, table_name=None, transformation_ctx="", **kwargs):
        return frame.resolveChoice(specs, choice, database, table_name)


class DropNullFields(GlueTransform):
    def __call__(self, frame, transformation_ctx="", **kwargs):
        return frame.drop_nulls()


class SelectFields(GlueTransform):
    def __call__(self, frame, paths, transformation_ctx="", **kwargs):
        return frame.select_fields(paths)


class DropFields(GlueTransform):
    def __call__(self, frame, paths, transformation_ctx="", **kwargs):
        return frame.drop_fields(paths)


class RenameField(GlueTransform):
    def __call__(self, frame, old_name, new_name, transformation_ctx="", **kwargs):
        return frame.rename_field(old_name, new_name)


class Filter(GlueTransform):
    def __call__(self, frame, f, transformation_ctx="", **kwargs):
        return frame.filter(f)


class Map(GlueTransform):
    def __call__(self, frame, f, transformation_ctx="", **kwargs):
        return frame.map(f)


class Join(GlueTransform):
    def __call__(self, frame1, frame2, keys1, keys2, transformation_ctx="", **kwargs):
        return frame1.join(keys1, keys2, frame2)


class Union(GlueTransform):
    def __call__(self, frame1, frame2, transformation_ctx="", **kwargs):
        return frame1.union(frame2)


class DropDuplicates(GlueTransform):
    def __call__(self, frame, columns=None, transformation_ctx="", **kwargs):
        data = frame.toDF()
        return frame._with(data.dropDuplicates(columns) if columns else data.dropDuplicates())


class SelectFromCollection(GlueTransform):
    def __call__(self, dfc, key=None, transformation_ctx="", **kwargs):
        return dfc[next(iter(dfc)) if key is None else key]


class MapToCollection(GlueTransform):
    def __call__(self, dfc, callable, transformation_ctx="", **kwargs):
        return DynamicFrameCollection({name: callable(frame, name) for name, frame in dfc.items()})


class SplitFields(GlueTransform):
    def __call__(self, frame, paths, name1="frame1", name2="frame2", transformation_ctx="", **kwargs):
        return frame.split_fields(paths, name1, name2)


class Relationalize(GlueTransform):
    def __call__(self, frame, staging_path=None, name="roottable", options=None, transformation_ctx="", **kwargs):
        return frame.relationalize(name, staging_path)


class UnnestFrame(GlueTransform):
    def __call__(self, frame, transformation_ctx="", **kwargs):
        return frame.unnest()


class Spigot(GlueTransform):
    def __call__(self, frame, path, options=None, transformation_ctx="", **kwargs):
        return frame.spigot(path, options)


class FlatMap(GlueTransform):
    def __call__(self, dfc, BaseTransform, frame_name, transformation_ctx="", **base_kwargs):
        return DynamicFrameCollection({name: BaseTransform.apply(**{frame_name: frame}, **base_kwargs) for name, frame in dfc.items()})
