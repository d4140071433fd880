"""Signatures of gateway and registers: keys, certificates, WS-Security and XMLDSig.

Independent of the bus's implementation: it shares only libgcrypt's primitives, so that an error on one side shows up on
the other.
"""
