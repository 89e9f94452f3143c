"""CloudFormation in the local engine: stacks, change sets, and what is done to each resource."""
