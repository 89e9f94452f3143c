"""The package of the Lambda functions, for a deployment."""
