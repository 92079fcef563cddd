"""The operations, one file a family. `table.lookup` finds one by name."""
