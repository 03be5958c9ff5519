"""Runs a job's script in a process of its own: python -m tarn_job --engine sail|spark|shell SCRIPT [arguments]."""
