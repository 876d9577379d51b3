"""Maps asked for in the browser: a queue, and each job in a process of its own."""
