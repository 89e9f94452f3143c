"""The generator: a workflow declaration in, CloudFormation text out. Pure: no AWS calls, no clock, no environment."""
