"""What ``freshet status`` shows: the state of one model on one screen.

``overview`` gathers the state by reading alone; ``troubles`` says in words what a person should
look at, and what to do; ``one_screen`` prints both.
"""
