"""IAM as the checks read it: policies of a template, the ARNs in them, what AWS's actions take, what roles are for."""
