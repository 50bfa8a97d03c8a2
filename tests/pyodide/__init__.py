"""What is tried inside Pyodide, and the program that runs it there."""
