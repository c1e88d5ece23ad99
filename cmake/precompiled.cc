// The target that precompiled headers belong to needs a source.
