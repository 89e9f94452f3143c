"""The framework of stages: contract, stage document, storage, tables, events, and the base class of all stages."""
