"""Whether all is well: what is to be mended, how bad it is, and what to do, in the same words everywhere."""
