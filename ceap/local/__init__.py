"""The local engine: runs the generated templates in this process, with no AWS account.

It knows only what the deployed templates say; `engine.Engine` is the way in.
"""
