"""What runs inside every Python process of a run: it watches, translates and ends the process.

The launcher puts `worker/path` on PYTHONPATH, whose only file, `sitecustomize.py`, loads this folder as the
package `launch_worker`. Nothing here imports `launch`, so that a sandbox need show the worker this folder
alone.
"""
