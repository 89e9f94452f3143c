"""The Lambda package. A module here is a stage; the framework is `runtime/`, the sample domain `candidates/`."""
