"""The Lambda package: the handler contract, the stage document and the stages."""
