"""Resolvers that ask name servers themselves, so that a look-up stops only the greenlet that asks.

Each is a module with a class `Resolver`: `dnspython` so far.  They are chosen by name, with `HUBLET_RESOLVER` or
`hublet.core.resolvers.use`, and need not be imported.
"""
