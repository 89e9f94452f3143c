"""Judging templates: CloudFormation Guard rules, checks in Python, cfn-lint, and freshness of what is generated.

A check is a function from a template to findings. A new rule is one file in `guard_rules/`, a new check one file in
`checks/`.
"""
