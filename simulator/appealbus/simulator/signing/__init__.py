"""The gateway's and the registers' side of signatures: keys, certificates, WS-Security and XMLDSig.

Written apart from what signs and verifies for the bus: of its code this uses libgcrypt's primitives alone, so that
an error of one side shows at the other.
"""
