"""A CloudFormation template as data: read by policy, local, deploy and operate."""
