"""Many packages in one repository: which they are, what each needs of the others, and in which order they go.

`model` is the data, `discovery` finds it in a checkout, `order` sorts it.
"""
