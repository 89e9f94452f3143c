"""What a Glue job imports from AWS, where the job runs on this machine; no package index has it."""
