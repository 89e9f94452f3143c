"""CloudFormation Guard: rule files, AWS's program that judges them, and its verdicts."""
