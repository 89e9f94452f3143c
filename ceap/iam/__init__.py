"""IAM as data: policy documents, ARNs and patterns, and what AWS says of its actions."""
