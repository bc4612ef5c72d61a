"""Many packages in one repository: which they are, what each needs of the others, and in which order they go.

`model` is the data. `discovery` finds it in a checkout, with `requirements` and `groups`; `order` sorts it. `history`
is what git says, `plan` what a release would contain, `listing` how both are shown. `places` changes versions, `checks`
has the checks of one package.
"""
