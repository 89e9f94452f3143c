"""What all Glue jobs share: `ceap package` ships it as lib.zip, which Glue puts on the path of driver and workers."""
