"""What deploying needs: the package of the Lambda functions."""
