"""The intermediate representation: symbolic dimensions, types, the graph and its reference evaluator."""
