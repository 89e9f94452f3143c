"""The command line of ceap and what only it needs: policy, the local engine, packaging."""
