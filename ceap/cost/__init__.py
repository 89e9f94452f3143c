"""What a workflow costs on AWS, as EXPRESS and as STANDARD: counts of a load, times list prices."""
